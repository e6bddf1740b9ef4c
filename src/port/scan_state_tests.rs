//! What the two loops tell each other through the shared state.

use super::registry::{ListFailure, Listing};
use super::scan_state::{PlatformAnswer, Revision, Scan, ScanState};
use crate::model::{Digest, Repository};
use std::collections::BTreeSet;
use std::sync::Arc;

fn repository(path: &str) -> Repository {
    Repository {
        host: "registry.example".to_owned(),
        path: path.to_owned(),
    }
}

fn listed(of: &Repository, digests: &[usize]) -> Scan {
    let images = digests.iter().map(|number| crate::port::TaggedImage {
        tag: crate::model::Tag::parse(&format!("t{number}")).unwrap(),
        digest: Some(Digest::numbered(*number)),
        pushed_at: None,
        media_type: None,
        pullable: true,
    });
    Scan {
        result: Ok(Arc::new(Listing {
            repository: of.clone(),
            images: images.collect(),
            requests: 1,
        })),
    }
}

#[tokio::test]
async fn a_reader_hears_of_each_repository_that_changed_since_it_last_looked_and_of_no_other() {
    let (state, mut seen) = (ScanState::default(), Revision::default());
    let mut changed = |state: &ScanState| {
        let (newest, changed) = state.changed_since(seen);
        seen = newest;
        changed
            .into_iter()
            .map(|repository| repository.path)
            .collect::<Vec<_>>()
    };
    let (web, api) = (repository("web"), repository("api"));
    let both = Arc::new(BTreeSet::from([web.clone(), api.clone()]));
    assert!(state.set_repositories(Arc::clone(&both)));
    assert_eq!(changed(&state), ["api", "web"]);
    assert!(!state.set_repositories(both));
    assert!(state.record(&web, listed(&web, &[1, 2])));
    assert!(!state.record(&web, listed(&web, &[2, 1])), "the order does not count");
    assert_eq!((changed(&state), state.totals()), (vec!["web".to_owned()], (2, 2)));
    assert_eq!(changed(&state), Vec::<String>::new());

    let image = (web.clone(), Digest::numbered(1));
    assert!(state.record_platforms(&image, PlatformAnswer::Unavailable(None)));
    assert!(!state.record_platforms(&image, PlatformAnswer::Unavailable(None)));
    assert!(state.record(&api, listed(&api, &[])));
    assert_eq!(changed(&state), ["web", "api"], "in the order of their changes");

    assert!(state.record(&web, listed(&web, &[2])));
    assert_eq!(state.platforms_of(&image), None, "no tag names the image any more");
    let failed = |message: &str| Scan {
        result: Err(ListFailure::Failed {
            message: message.to_owned(),
        }),
    };
    assert!(state.record(&api, failed("no route")) && !state.record(&api, failed("no route")));
    assert_eq!(
        (changed(&state), state.totals()),
        (vec!["web".to_owned(), "api".to_owned()], (2, 1))
    );

    assert!(!state.set_repositories(Arc::new([api.clone()].into())));
    assert!(!state.record(&web, listed(&web, &[3])), "nobody needs the repository");
    assert_eq!((changed(&state), state.totals()), (Vec::new(), (1, 0)));
    assert!(state.set_repositories(Arc::new([api, web].into())));
    assert_eq!(changed(&state), ["web"], "a repository that comes back is new");
}

#[tokio::test]
async fn digests_that_are_left_out_come_back_on_request_and_only_the_newest_listing_loses_them() {
    let (state, web) = (ScanState::default(), repository("web"));
    state.set_repositories(Arc::new([web.clone()].into()));
    let listing = || state.scan(&web).unwrap().result.unwrap();
    let has = |number: usize| {
        listing()
            .images
            .iter()
            .any(|image| image.digest == Some(Digest::numbered(number)))
    };
    assert!(state.record(&web, listed(&web, &[1, 2, 3])));
    let first = listing();
    assert!(state.record(&web, listed(&web, &[1, 2])));
    state.keep_digests(&web, &first, &[Digest::numbered(1)].into());
    assert!(has(1) && has(2), "the first listing is not the newest");
    let revision = state.changed_since(Revision::default()).0;
    state.keep_digests(&web, &listing(), &[Digest::numbered(1)].into());
    assert!(has(1) && !has(2) && state.listing_before(&web).is_some());
    assert!(!state.record(&web, listed(&web, &[1, 2])) && state.changed_since(revision).1.is_empty());

    state.keep_digests(&web, &listing(), &[Digest::numbered(1)].into());
    let waiting = BTreeSet::from([web.clone()]);
    assert!(!state.needs_digests());
    assert!(state.request_digests(&waiting) && !state.request_digests(&waiting));
    assert_eq!((state.take_requested(), state.listing_before(&web)), (waiting, None));
    let without = Scan { result: Ok(listing()) };
    assert!(!state.record(&web, without), "this listing began before the request");
    assert!(state.needs_digests());
    assert!(
        state.record(&web, listed(&web, &[1, 2])) && has(2),
        "the tags are the same, and the digests are news"
    );
    assert!(!state.needs_digests());
    assert_eq!(state.changed_since(revision).1, [web]);
}
