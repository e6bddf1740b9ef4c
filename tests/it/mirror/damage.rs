//! Whatever happens to the mirror's folder, the call that meets it mends it.

use crate::git::{FILE, Scene, bump, content, failure, opened};
use std::fs;
use std::path::{Path, PathBuf};
use tidegate::port::{ConfigRepo, PushOutcome};

/// The one mirror below a folder.
fn mirror(root: &Path) -> PathBuf {
    let entries = fs::read_dir(root).unwrap().flatten();
    let mut mirrors = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "git"));
    let found = mirrors.next().unwrap();
    assert!(mirrors.next().is_none(), "older mirrors are removed");
    found
}

/// By way of a new file: what has the old one open keeps it.
fn replace(path: &Path, bytes: &[u8]) {
    let part = path.with_extension("part");
    fs::write(&part, bytes).unwrap();
    fs::rename(&part, path).unwrap();
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(files_below(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

fn halve(paths: &[PathBuf], ending: &str) {
    for path in paths.iter().filter(|path| path.to_str().unwrap().ends_with(ending)) {
        let bytes = fs::read(path).unwrap();
        replace(path, &bytes[..bytes.len() / 2]);
    }
}

type Harm = (&'static str, fn(&Path));

const HARMS: [Harm; 12] = [
    ("half of each pack is missing", |mirror| {
        halve(&files_below(&mirror.join("objects")), ".pack")
    }),
    ("half of each index is missing", |mirror| {
        halve(&files_below(&mirror.join("objects")), ".idx")
    }),
    ("all objects are missing", |mirror| {
        fs::remove_dir_all(mirror.join("objects")).unwrap()
    }),
    ("packs are missing", |mirror| {
        let _ = fs::remove_dir_all(mirror.join("objects/pack"));
    }),
    ("objects are empty after a power cut", |mirror| {
        for path in files_below(&mirror.join("objects")) {
            replace(&path, b"");
        }
    }),
    ("locks were left behind", |mirror| {
        for name in [
            "HEAD.lock",
            "config.lock",
            "packed-refs.lock",
            "refs/remotes/origin/main.lock",
        ] {
            fs::write(mirror.join(name), "").unwrap();
        }
    }),
    ("the branch's name holds no id", |mirror| {
        replace(&mirror.join("refs/remotes/origin/main"), b"\0\0\0\0");
    }),
    ("the branch is an id that is not there", |mirror| {
        replace(
            &mirror.join("refs/remotes/origin/main"),
            format!("{}\n", "7".repeat(40)).as_bytes(),
        );
    }),
    ("HEAD is garbage", |mirror| replace(&mirror.join("HEAD"), b"\xff\xfe")),
    ("the configuration is garbage", |mirror| {
        replace(&mirror.join("config"), b"[core\n\xff")
    }),
    ("it is gone", |mirror| fs::remove_dir_all(mirror).unwrap()),
    ("a file stands in its place", |mirror| {
        fs::remove_dir_all(mirror).unwrap();
        fs::write(mirror, "not a folder").unwrap();
    }),
];

#[tokio::test]
async fn a_harmed_mirror_is_mended_by_a_new_start_and_by_the_next_call() {
    let scene = Scene::start();
    for (number, (what, harm)) in HARMS.iter().enumerate() {
        let (repo, tip) = opened(scene.settings(), true).await;
        harm(&mirror(scene.folder.path()));
        // The same process: a fetch, a push, and reading.
        assert_eq!(
            repo.fetch().await.unwrap_or_else(|error| panic!("{what}: {error}")),
            tip
        );
        let plan = bump(&repo, tip, &format!("5.{number}.0")).await;
        let pushed = repo
            .commit_and_push(vec![plan])
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let PushOutcome::Landed(ours) = pushed else {
            panic!("{what}: {pushed:?}")
        };
        assert!(
            content(&repo, ours, FILE)
                .await
                .1
                .contains(&format!("web:5.{number}.0")),
            "{what}"
        );
        drop(repo);
        let harmed = mirror(scene.folder.path());
        harm(&harmed);
        // A new process; the thread of the old process may keep the lock for a moment, and then the new process takes a
        // subfolder.
        let again = scene.open();
        assert_eq!(
            again.fetch().await.unwrap_or_else(|error| panic!("{what}: {error}")),
            ours
        );
        assert!(
            content(&again, ours, FILE)
                .await
                .1
                .contains(&format!("web:5.{number}.0")),
            "{what}"
        );
        let back = bump(&again, ours, "1.0.0").await;
        assert!(
            matches!(again.commit_and_push(vec![back]).await.unwrap(), PushOutcome::Landed(_)),
            "{what}"
        );
        drop(again);
        let _ = fs::remove_dir_all(scene.folder.path());
    }
    scene.bare.git(&["fsck", "--strict"]).unwrap();
}

#[tokio::test]
async fn reading_and_pushing_after_the_mirror_was_deleted_need_no_fetch_in_between() {
    let scene = Scene::start();
    let (repo, tip) = opened(scene.settings(), true).await;
    let plan = bump(&repo, tip, "6.0.0").await;
    fs::remove_dir_all(scene.folder.path()).unwrap();
    let pushed = repo.commit_and_push(vec![plan]).await.unwrap();
    let PushOutcome::Landed(ours) = pushed else {
        panic!("{pushed:?}")
    };
    fs::remove_dir_all(scene.folder.path()).unwrap();
    assert!(content(&repo, ours, FILE).await.1.contains("web:6.0.0"));
    assert_eq!(repo.history(ours, None, 10).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_path_that_cannot_be_a_folder_is_named_and_works_once_it_can() {
    let scene = Scene::start();
    let place = scene.folder.path().join("state");
    fs::write(&place, "a file").unwrap();
    let mut settings = scene.settings();
    settings.mirror_dir = place.join("mirror");
    let repo = tidegate::git::Repo::open(settings).unwrap();
    let failed = failure(repo.fetch().await);
    assert!(failed.message.contains(place.to_str().unwrap()), "{}", failed.message);
    fs::remove_file(&place).unwrap();
    repo.fetch().await.unwrap();
}
