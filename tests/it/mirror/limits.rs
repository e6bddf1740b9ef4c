//! What a fetch may take and bring, and the setting that allows more.

use crate::git::{Scene, failure};
use std::time::Duration;
use tidegate::git::Repo;
use tidegate::port::{ConfigRepo, UnreadKind};
use tidegate_stack::relay::{Direction, Relay};

#[tokio::test]
async fn a_fetch_that_is_larger_than_allowed_ends_with_the_setting_that_allows_more() {
    let scene = Scene::start();
    let mut settings = scene.settings();
    settings.limits.size = 300;
    let repo = Repo::open(settings).unwrap();
    let failed = failure(repo.fetch().await);
    assert!(failed.message.contains("raise repo.maxSize"), "{}", failed.message);
    let mut settings = scene.settings();
    settings.limits.files = 1;
    let repo = Repo::open(settings).unwrap();
    let tip = repo.fetch().await.unwrap();
    let listed = repo.files(tip, Vec::new()).await.unwrap();
    let last = listed.unread.last().map(|entry| &entry.kind);
    assert_eq!(last, Some(&UnreadKind::TooMany(1)));
}

/// The limit is shorter than the silence that is borne, so that only the limit can end it.
#[tokio::test]
async fn a_fetch_that_takes_longer_than_allowed_ends_with_the_setting_that_allows_more() {
    let scene = Scene::start();
    let relay = Relay::start(scene.server.addr()).unwrap();
    let mut settings = scene.settings_through(relay.addr());
    settings.timeout = Duration::from_secs(60);
    Repo::open(settings.clone()).unwrap().fetch().await.unwrap();
    let small = relay.bytes(Direction::ToClient);
    let noise: String = (0..200_000_u64)
        .map(|n| format!("{:x}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    scene.bare.seed(&[("noise.txt", &noise)]).unwrap();

    relay.stall_after(Direction::ToClient, small + 100_000);
    settings.limits.time = Duration::from_secs(2);
    settings.mirror_dir = scene.folder.path().join("other");
    let repo = Repo::open(settings).unwrap();
    let failed = failure(repo.fetch().await);
    for part in ["did not end in time", "raise repo.fetchTimeout", "repo.depth"] {
        assert!(failed.message.contains(part), "{part}: {}", failed.message);
    }
    relay.flow();
    let tip = repo.fetch().await.unwrap();
    assert_eq!(tip.to_string(), scene.bare.tip().unwrap().unwrap());
}
