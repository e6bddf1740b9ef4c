//! How much is decided for one event beside many fields.

use super::fake_repo::FakeRepo;
use crate::automation::decision_cache::{DecisionCache, Work};
use crate::automation::history_reader::HistoryReader;
use crate::automation::inputs::Inputs;
use crate::model::{
    CommitId, Digest, FieldId, FieldName, HoldUntil, ImageRef, ObjectId, Position, RepoPath, Repository, Tag,
};
use crate::plan::{AutomatedField, BumpPlan, Outcome};
use crate::policy::{Policy, ScanRules};
use crate::port::{ConfigRepo as _, Listing, ObjectHealths, PlatformAnswer, Scan, ScanState, TaggedImage};
use jiff::Timestamp;
use std::sync::Arc;

const FIELDS: usize = 2000;

fn repository(number: usize) -> Repository {
    Repository {
        host: "registry.example".to_owned(),
        path: format!("shop/app-{number}"),
    }
}

fn field(number: usize, tag: &str) -> AutomatedField {
    AutomatedField {
        path: RepoPath::parse(&format!("app-{number}.yaml")).unwrap(),
        field: FieldId {
            object: ObjectId::new("apps/v1", "Deployment", Some("shop"), &format!("app-{number}")),
            field: FieldName("main".to_owned()),
        },
        image: ImageRef::parse(&format!("registry.example/shop/app-{number}:{tag}")).unwrap(),
        new_name: None,
        others: Vec::new(),
        position: Position { line: 1, column: 1 },
        policy: Ok(Policy::parse("semver:*").unwrap()),
        lock: None,
        hold: None,
        revert_on_failure: None,
        groups: Vec::new(),
    }
}

/// Two thousand fields with a repository each, whose decisions are kept.
struct Fleet {
    repo: FakeRepo,
    head: CommitId,
    scan_state: ScanState,
    rules: ScanRules,
    history: HistoryReader,
    cache: DecisionCache,
}

impl Fleet {
    async fn new() -> Self {
        let repo = FakeRepo::default();
        repo.person_commits("Add", &[("a.yaml", "a: 1\n")]);
        let mut fleet = Self {
            head: repo.fetch().await.unwrap(),
            repo,
            scan_state: ScanState::default(),
            rules: ScanRules::new(Vec::new()),
            history: HistoryReader::default(),
            cache: DecisionCache::default(),
        };
        fleet.declare((0..FIELDS).map(|number| field(number, "1.0.0")).collect());
        for number in 0..FIELDS {
            fleet.list(number, &["1.0.0"], None);
        }
        fleet
    }

    fn declare(&mut self, fields: Vec<AutomatedField>) {
        self.cache.set_fields(fields, &self.rules);
        self.scan_state.set_repositories(Arc::clone(self.cache.repositories()));
    }

    fn list(&self, number: usize, tags: &[&str], media_type: Option<&str>) -> bool {
        let images = tags.iter().enumerate().map(|(number, tag)| TaggedImage {
            tag: Tag::parse(tag).unwrap(),
            digest: Some(Digest::numbered(number)),
            pushed_at: Timestamp::from_second(1_750_000_000).ok(),
            media_type: media_type.map(str::to_owned),
            pullable: true,
        });
        let listing = Listing {
            repository: repository(number),
            images: images.collect(),
            requests: 1,
        };
        let scan = Scan {
            result: Ok(Arc::new(listing)),
        };
        self.scan_state.record(&repository(number), scan)
    }

    /// Runs a pass: its plan, and how much it decided.
    async fn pass(&mut self) -> (BumpPlan, Work) {
        let before = self.cache.work();
        let inputs = Inputs {
            scan_state: &self.scan_state,
            rules: &self.rules,
            healths: &ObjectHealths::default(),
            until: HoldUntil::default(),
        };
        let decided = self
            .cache
            .decide(&inputs, &self.repo, self.head, &mut self.history)
            .await;
        self.cache.leave_out_digests(&self.scan_state);
        let now = self.cache.work();
        let work = Work {
            fields: now.fields - before.fields,
            listings: now.listings - before.listings,
        };
        (decided.unwrap().0, work)
    }
}

const NOTHING: Work = Work { fields: 0, listings: 0 };
const ONE: Work = Work { fields: 1, listings: 1 };

#[tokio::test]
async fn one_event_beside_two_thousand_fields_decides_one_field_once() {
    let mut fleet = Fleet::new().await;
    let (plan, work) = fleet.pass().await;
    let all = Work {
        fields: FIELDS,
        listings: FIELDS,
    };
    assert_eq!((plan.decisions.len(), plan.bumps.len(), work), (FIELDS, 0, all));
    assert_eq!(fleet.pass().await.1, NOTHING, "nothing happened");

    assert!(!fleet.list(7, &["1.0.0"], None), "the same tags again");
    assert_eq!(fleet.pass().await.1, NOTHING);

    assert!(fleet.list(7, &["1.0.0", "1.1.0"], Some("application/vnd.oci.image.index.v1+json")));
    let (plan, work) = fleet.pass().await;
    assert_eq!((plan.bumps.len(), work), (0, ONE), "the bump waits for the platforms");
    assert_eq!(fleet.pass().await.1, NOTHING, "a bump that waits is not judged again");

    let image = (repository(7), Digest::numbered(1));
    assert_eq!(fleet.scan_state.unread_images(false), std::slice::from_ref(&image));
    fleet
        .scan_state
        .record_platforms(&image, PlatformAnswer::Unavailable(None));
    let (plan, work) = fleet.pass().await;
    assert_eq!((plan.bumps.len(), work), (1, ONE));
    assert_eq!(
        fleet.pass().await.1,
        NOTHING,
        "a bump that did not land is not judged again"
    );

    let mut fields: Vec<_> = (0..FIELDS).map(|number| field(number, "1.0.0")).collect();
    fields[7] = field(7, "1.1.0");
    fleet.declare(fields);
    let (plan, work) = fleet.pass().await;
    assert_eq!((plan.bumps.len(), work), (0, ONE), "the field has the new tag");

    fleet.scan_state.record(
        &repository(3),
        Scan {
            result: Err(crate::port::ListFailure::Failed {
                message: "no route".to_owned(),
            }),
        },
    );
    let (plan, work) = fleet.pass().await;
    assert_eq!(work, Work { fields: 1, listings: 0 });
    let unknown = plan
        .decisions
        .iter()
        .filter(|decision| decision.outcome == Outcome::Unknown);
    assert_eq!(
        unknown.map(|decision| decision.reason.as_str()).collect::<Vec<_>>(),
        ["no route"]
    );
}

#[tokio::test]
async fn a_digest_that_was_left_out_is_listed_again_when_a_decision_needs_it() {
    let mut fleet = Fleet::new().await;
    let mut fields: Vec<_> = (0..FIELDS).map(|number| field(number, "1.0.0")).collect();
    fields[7] = field(7, "2.0.0");
    fleet.declare(fields.clone());
    let tags = ["1.0.0", "1.1.0", "2.0.0"];
    fleet.list(7, &tags, None);
    fleet.pass().await;
    let kept = |fleet: &Fleet| {
        let listing = fleet.scan_state.scan(&repository(7)).unwrap().result.unwrap();
        let kept = listing.images.iter().filter(|image| image.digest.is_some());
        kept.map(|image| image.tag.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        kept(&fleet),
        ["2.0.0"],
        "only the current tag, which is the newest, has its digest"
    );

    fields[7] = field(7, "1.0.0");
    fields[7].policy = Ok(Policy::parse("semver:~1").unwrap());
    fleet.declare(fields);
    let (plan, work) = fleet.pass().await;
    let decision = |plan: &BumpPlan| {
        let mut decisions = plan.decisions.iter();
        let decision = decisions
            .find(|decision| decision.field == field(7, "1.0.0").field)
            .unwrap();
        (decision.outcome, decision.reason.clone())
    };
    let waits = (
        Outcome::Unknown,
        "the digests of its tags are being read again".to_owned(),
    );
    assert_eq!((decision(&plan), plan.bumps.len(), work), (waits, 0, ONE));
    assert_eq!(fleet.scan_state.take_requested(), [repository(7)].into());
    assert_eq!(fleet.pass().await.1, NOTHING);
    assert!(
        fleet.scan_state.take_requested().is_empty(),
        "the listing is requested once"
    );

    assert_eq!(fleet.scan_state.listing_before(&repository(7)), None);
    assert!(fleet.list(7, &tags, None), "the same tags, with their digests");
    let (plan, work) = fleet.pass().await;
    assert_eq!(work, ONE);
    assert_eq!(
        (plan.bumps[0].to.as_str(), plan.bumps[0].digest.clone()),
        ("1.1.0", Some(Digest::numbered(1)))
    );
    assert_eq!(kept(&fleet).len(), 3, "nothing is left out while a bump is under way");
}
