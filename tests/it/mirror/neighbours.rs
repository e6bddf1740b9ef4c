//! Two processes with the same state folder.

use crate::git::{Scene, bump};
use tidegate::git::Repo;
use tidegate::port::{ConfigRepo, PushOutcome};

/// Bumps until `count` have landed; each lost race is fetched and decided again.
async fn bumps(repo: Repo, name: &'static str, count: usize) {
    for number in 0..count {
        loop {
            let tip = repo.fetch().await.unwrap();
            let plan = bump(&repo, tip, &format!("{name}.{number}")).await;
            match repo.commit_and_push(vec![plan]).await.unwrap() {
                PushOutcome::Landed(_) => break,
                PushOutcome::Lost => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_work_in_one_folder_do_each_other_no_harm() {
    let scene = Scene::start();
    let (left, right) = (scene.open(), scene.open());
    tokio::join!(bumps(left.clone(), "left", 12), bumps(right.clone(), "right", 12));
    let log = scene.bare.log().unwrap();
    assert_eq!(log.len(), 25);
    for name in ["left", "right"] {
        for number in 0..12 {
            let ending = format!(" {name}.{number}");
            assert_eq!(
                log.iter().filter(|commit| commit.subject.ends_with(&ending)).count(),
                1,
                "{ending}"
            );
        }
    }
    assert_eq!(left.fetch().await.unwrap(), right.fetch().await.unwrap());
    // The second one to come works beside the first: in the first subfolder that the first one is not just clearing.
    let root = scene.folder.path();
    let beside = (1..64).map(|number| root.join(format!("beside.{number}/config-repo.0.git")));
    let beside: Vec<_> = beside.filter(|folder| folder.exists()).collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
    for folder in [&root.join("config-repo.0.git"), &beside[0]] {
        let fsck = std::process::Command::new("git")
            .args(["-c", "safe.directory=*", "fsck", "--strict"])
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(
            fsck.status.success(),
            "{}: {}",
            folder.display(),
            String::from_utf8_lossy(&fsck.stderr)
        );
    }
    scene.bare.git(&["fsck", "--strict"]).unwrap();
}
