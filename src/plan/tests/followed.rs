use super::*;
use crate::policy::Follow;
use crate::resource::{ContainerImage, DesiredHash, Health, LastReady};

fn manifest(tag: &str) -> DesiredHash {
    DesiredHash::of(&serde_json::json!(tag))
}

fn images(tag: &str) -> Vec<ContainerImage> {
    let container = |name: &str, image: String| ContainerImage {
        container: name.to_owned(),
        image,
    };
    vec![
        container("web", format!("{HOST}/web:{tag}")),
        container("proxy", format!("{HOST}/proxy:2")),
    ]
}

/// An object that is declared with tag 2, and was seen with a tag.
fn seen(tag: &str, health: Health, since: i64) -> FollowedObject {
    with_images(images("2"), images(tag), tag, health, since)
}

/// The same without images, as a HelmRelease is.
fn seen_release(tag: &str, health: Health, since: i64) -> FollowedObject {
    with_images(Vec::new(), Vec::new(), tag, health, since)
}

fn with_images(
    declared: Vec<ContainerImage>,
    images: Vec<ContainerImage>,
    tag: &str,
    health: Health,
    since: i64,
) -> FollowedObject {
    let seen_manifest = manifest(tag);
    let ready = LastReady::after(None, (seen_manifest, &images), &Health::Ready, minute(since), None);
    let last_ready = LastReady::after(ready, (seen_manifest, &images), &health, minute(since), None);
    FollowedObject {
        object: object("web"),
        manifest: manifest("2"),
        images: declared,
        seen: Some(SeenObject {
            manifest: seen_manifest,
            images,
            health,
            last_ready,
        }),
    }
}

#[test]
fn a_follower_takes_the_tag_that_has_run_well_for_long_enough_and_nothing_unknown() {
    let policy = Policy::parse("follow:staging/web.yaml#Deployment/web/web after 10m").unwrap();
    let follow: &Follow = policy.follows().unwrap();
    let image = ImageRef::parse(&format!("{HOST}/web:2")).unwrap();
    let unknown = FollowedObject {
        seen: None,
        ..seen("2", Health::Ready, 0)
    };
    let never = FollowedObject {
        seen: seen("2", Health::Ready, 0).seen.map(|seen| SeenObject {
            last_ready: None,
            ..seen
        }),
        ..seen("2", Health::Ready, 0)
    };
    let progressing = || Health::Progressing("1 of 2".to_owned());
    #[rustfmt::skip]
    let rows = [
        (vec![seen("2", Health::Ready, 90)],                               1,   Ok("2")),
        (vec![seen("2", progressing(), 90)],                               1,   Ok("2")),
        (vec![seen("2", Health::Ready, 91)],                               1,   Err("until 1970-01-01T01:41:00Z")),
        (vec![seen("2", Health::Ready, 10)],                               95,  Err("healthy since 1970-01-01T01:35:00Z")),
        (vec![seen("2", Health::Ready, 10)],                               999, Err("until 1970-01-01T01:50:00Z")),
        (vec![seen("2", Health::Ready, 90), seen("2", Health::Ready, 95)], 1,   Err("until 1970-01-01T01:45:00Z")),
        (vec![seen("2", Health::Failed("it crashes".to_owned()), 10)],     1,   Err("fails: it crashes")),
        (vec![seen("1", Health::Ready, 10)],                               1,   Err("does not run it yet")),
        (vec![seen_release("2", Health::Ready, 90)],                       1,   Ok("2")),
        (vec![seen_release("1", Health::Ready, 10)],                       1,   Err("does not run it yet")),
        (vec![seen("2", Health::Ready, 10), unknown],                      1,   Err("is not known to be healthy")),
        (vec![never],                                                      1,   Err("was not ready with it yet")),
        (vec![],                                                           1,   Err("it is not known which objects run 2")),
    ];
    for (objects, written, expected) in rows {
        let found = followed_tag(follow, &image, &objects, minute(written), minute(100));
        match (&found, expected) {
            (Ok(tag), Ok(expected)) => assert_eq!(tag.as_str(), expected),
            (Err((Outcome::Waiting, reason)), Err(expected)) => assert!(reason.contains(expected), "{reason}"),
            _ => panic!("{found:?}, not {expected:?}"),
        }
    }
}
