//! Several commits in one push.

use crate::git::{FILE, Scene, bump, content, failure};
use std::fs;
use tidegate::port::{ConfigRepo, NewCommit, PushOutcome};

/// Two commits on the tip: one sets the image's tag, the other a replica count in the same file and a line elsewhere.
async fn two(repo: &tidegate::git::Repo, tip: tidegate::model::CommitId) -> Vec<NewCommit> {
    let first = bump(repo, tip, "1.1.0").await;
    let mut second = first.clone();
    let text = String::from_utf8(first.edits[0].bytes.clone()).unwrap();
    second.edits[0].bytes = text.replace("replicas: 2", "replicas: 3").into_bytes();
    let (mut other, _) = content(repo, tip, "apps/shop/cron.yaml").await;
    other.bytes = b"kind: CronJob\nsuspend: true\n".to_vec();
    second.edits.push(other);
    second.message = "Scale".to_owned();
    vec![first, second]
}

#[tokio::test]
async fn commits_of_one_push_stand_upon_each_other_and_land_together_or_not_at_all() {
    let scene = Scene::start();
    scene
        .bare
        .unchecked("one of the commits adds a line, which no bump does");
    let pushes = scene.folder.path().join("pushes");
    let hook = format!("#!/bin/sh\ncat >>{}\n", pushes.display());
    scene.bare.hook("post-receive", &hook).unwrap();
    let repo = scene.open();
    let tip = repo.fetch().await.unwrap();
    let plans = two(&repo, tip).await;
    let PushOutcome::Landed(last) = repo.commit_and_push(plans.clone()).await.unwrap() else {
        panic!("it was to land")
    };
    let log = scene.bare.log().unwrap();
    assert_eq!(log.len(), 3);
    assert_eq!(log[0].id, last.to_string());
    assert_eq!(
        (log[0].subject.as_str(), log[0].parents.as_slice()),
        ("Scale", &[log[1].id.clone()][..])
    );
    assert_eq!(log[1].parents, [tip.to_string()]);
    let lines = |commit: &str| {
        let diff = scene.bare.diff(commit).unwrap();
        let changed = diff
            .lines()
            .filter(|line| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---"));
        changed.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines(&log[1].id), ["-image: shop/web:1.0.0", "+image: shop/web:1.1.0"]);
    assert_eq!(lines(&log[0].id), ["+suspend: true", "-replicas: 2", "+replicas: 3"]);
    assert_eq!(fs::read_to_string(&pushes).unwrap().lines().count(), 1, "one push");
    assert_eq!(repo.fetch().await.unwrap(), last);

    // The same plans again are the same commits, which are there already; other ones have lost the race as a whole.
    let again = repo.commit_and_push(plans.clone()).await.unwrap();
    assert_eq!(again, PushOutcome::Landed(last));
    let mut others = plans;
    others[1].message = "Scale up".to_owned();
    assert_eq!(repo.commit_and_push(others).await.unwrap(), PushOutcome::Lost);
    assert_eq!(scene.bare.log().unwrap().len(), 3);
    scene.bare.git(&["fsck", "--strict"]).unwrap();
}

#[tokio::test]
async fn the_same_plans_are_the_same_commits_whoever_makes_them_and_when() {
    let scene = Scene::start();
    let mut made = Vec::new();
    for _ in 0..2 {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = scene.settings();
        settings.mirror_dir = folder.path().to_owned();
        let repo = tidegate::git::Repo::open(settings).unwrap();
        let tip = repo.fetch().await.unwrap();
        let plans = two(&repo, tip).await;
        let PushOutcome::Landed(last) = repo.commit_and_push(plans).await.unwrap() else {
            panic!("it was to land")
        };
        made.push(last);
        scene
            .bare
            .git(&["update-ref", "refs/heads/main", &tip.to_string()])
            .unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    }
    assert_eq!(made[0], made[1]);
}

#[tokio::test]
async fn a_chain_with_one_impossible_commit_makes_none() {
    let scene = Scene::start();
    let repo = scene.open();
    let tip = repo.fetch().await.unwrap();
    let good = two(&repo, tip).await;
    let mut same = good.clone();
    same[1].edits = vec![same[0].edits[0].clone()];
    let mut another = good.clone();
    another[1].edits[0].from = tidegate::model::BlobId::from_bytes([1; 20]);
    for plans in [same, another, Vec::new()] {
        let refused = failure(repo.commit_and_push(plans).await);
        assert!(
            refused.message.starts_with("the commit was not made"),
            "{}",
            refused.message
        );
    }
    assert_eq!(scene.bare.log().unwrap().len(), 1);
    assert!(content(&repo, tip, FILE).await.1.contains("1.0.0"));
}
