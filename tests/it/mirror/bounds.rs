//! A history that is fetched in part, and further when it is needed.

use crate::git::{Scene, bump};
use jiff::Timestamp;
use std::fmt::Write as _;
use std::io::Write as _;
use std::num::NonZeroU32;
use std::process::{Command, Stdio};
use tidegate::git::Repo;
use tidegate::model::{BranchName, CommitId};
use tidegate::port::{ConfigRepo, ProposalBranches, PushOutcome};

/// An hour between commits; the newest is an hour old.
const COMMITS: i64 = 500;

/// Puts so many commits on top of the branch, each with one more line in a file of notes.
fn history(scene: &Scene) {
    let tip = scene.bare.tip().unwrap().unwrap();
    let now = Timestamp::now().as_second();
    let mut stream = String::new();
    for number in 0..COMMITS {
        let at = now - (COMMITS - number) * 3600;
        let from = if number == 0 {
            format!("from {tip}\n")
        } else {
            String::new()
        };
        let text = format!("note {number}\n");
        write!(
            stream,
            "commit refs/heads/main\ncommitter A <a@example.com> {at} +0000\ndata 5\nnote\n{from}\
             M 100644 inline notes.txt\ndata {}\n{text}\n",
            text.len()
        )
        .unwrap();
    }
    let mut import = Command::new("git")
        .args(["-c", "safe.directory=*", "fast-import", "--quiet"])
        .current_dir(scene.bare.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    import.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(import.wait().unwrap().success());
}

fn bounded(scene: &Scene, depth: u32) -> Repo {
    let mut settings = scene.settings();
    settings.limits.depth = NonZeroU32::new(depth);
    Repo::open(settings).unwrap()
}

async fn known(repo: &Repo, tip: CommitId) -> usize {
    repo.history(tip, None, 10_000).await.unwrap().len()
}

#[tokio::test]
async fn history_is_fetched_as_far_as_it_is_needed_and_all_else_goes_on_as_ever() {
    let scene = Scene::start();
    history(&scene);
    let repo = bounded(&scene, 50);
    let mut tip = repo.fetch().await.unwrap();
    assert_eq!(known(&repo, tip).await, 50);
    let oldest = repo.history(tip, None, 100).await.unwrap().pop().unwrap();
    assert!(
        oldest.changes.is_empty() && oldest.parents.is_empty(),
        "what came before is not known"
    );

    let plan = bump(&repo, tip, "1.1.0").await;
    let PushOutcome::Landed(ours) = repo.commit_and_push(vec![plan]).await.unwrap() else {
        panic!("it was to land")
    };
    let person = scene.bare.work_copy().unwrap();
    person.write("more.txt", "more\n").unwrap();
    person.commit("more").unwrap();
    person.push().unwrap();
    tip = repo.fetch().await.unwrap();
    assert!(repo.is_ancestor(ours, tip).await.unwrap());
    assert_eq!(
        known(&repo, tip).await,
        52,
        "a fetch brings what is new and nothing else"
    );

    assert!(repo.unshallow().await.unwrap());
    assert_eq!(known(&repo, tip).await, 503);
    assert!(!repo.unshallow().await.unwrap(), "there is no more");
    scene.bare.git(&["fsck", "--strict"]).unwrap();
}

#[tokio::test]
async fn an_old_ancestor_is_found_below_what_was_fetched_and_an_unrelated_commit_is_no_ancestor() {
    let scene = Scene::start();
    let first = CommitId::parse(&scene.bare.tip().unwrap().unwrap()).unwrap();
    history(&scene);
    let repo = bounded(&scene, 10);
    let tip = repo.fetch().await.unwrap();
    assert!(repo.is_ancestor(first, tip).await.unwrap());
    let other = bounded(&scene, 10);
    let tip = other.fetch().await.unwrap();
    assert!(!other.is_ancestor(CommitId::from_bytes([7; 20]), tip).await.unwrap());
}

#[tokio::test]
async fn of_a_side_branch_the_history_is_fetched_as_far_as_to_where_it_leaves_ours() {
    let scene = Scene::start();
    history(&scene);
    let person = scene.bare.work_copy().unwrap();
    let branch = |back: usize| BranchName::parse(&format!("tidegate/{back}")).unwrap();
    for back in [1, 5, 40, 300] {
        person
            .git(&["checkout", "-q", "--detach", &format!("origin/main~{back}")])
            .unwrap();
        person.write("side.txt", "beside\n").unwrap();
        person.commit("beside").unwrap();
        person
            .git(&["push", "-q", "origin", &format!("HEAD:{}", branch(back).full())])
            .unwrap();
    }
    person.git(&["checkout", "-q", "--orphan", "alone"]).unwrap();
    person.commit("alone").unwrap();
    person
        .git(&["push", "-q", "origin", &format!("HEAD:{}", branch(0).full())])
        .unwrap();

    let from_nothing = |name: usize| {
        let mut settings = scene.settings();
        settings.limits.depth = NonZeroU32::new(10);
        settings.mirror_dir = settings.mirror_dir.with_extension(name.to_string());
        Repo::open(settings).unwrap()
    };
    for (back, most) in [(1, 120), (5, 120), (40, 260), (300, 503)] {
        let repo = from_nothing(back);
        let tip = repo.fetch().await.unwrap();
        let side = repo.branch_head(branch(back), tip).await.unwrap().unwrap();
        let above = repo.history(side, Some(tip), 1000).await.unwrap();
        assert_eq!(above.len(), 1, "{back}");
        assert!(
            (10..=most).contains(&known(&repo, tip).await),
            "{back}: {}",
            known(&repo, tip).await
        );
        let beside = known(&repo, side).await;
        assert!(beside <= most, "{back}: {beside}");
        let again = repo.branch_head(branch(back), tip).await.unwrap();
        assert_eq!(again, Some(side));
        assert_eq!(repo.fetch().await.unwrap(), tip);
    }
    let repo = from_nothing(0);
    let tip = repo.fetch().await.unwrap();
    let alone = repo.branch_head(branch(0), tip).await.unwrap().unwrap();
    assert_eq!(repo.history(alone, Some(tip), 1000).await.unwrap().len(), 1);
    assert_eq!(
        repo.branch_head(BranchName::parse("nobody").unwrap(), tip)
            .await
            .unwrap(),
        None
    );
}
