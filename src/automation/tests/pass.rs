use super::scene::{Scene, WEB, web};
use crate::model::TargetId;
use crate::plan::Outcome as Decided;
use crate::port::PushOutcome;
use std::collections::BTreeSet;

#[tokio::test]
async fn a_field_without_a_listing_wakes_the_scan_loop_once() {
    let mut scene = Scene::new(None).await;
    scene.pass().await;
    assert_eq!(scene.wakes(), (1, 0));
    scene.pass().await;
    assert_eq!(scene.wakes(), (1, 0), "nothing new is requested");
    assert_eq!(scene.decision(), (Decided::Unknown, "not scanned yet".to_owned()));
    assert_eq!(scene.repo.pushes(), 0);
}

#[tokio::test]
async fn a_bump_lands_once() {
    let mut scene = Scene::new(None).await;
    scene.list(&["1.0.0", "1.1.0"]);
    let (report, retry) = scene.pass().await;
    assert!(!retry && report.problems.is_empty(), "{report:?}");
    let landed = report.landed.expect("a commit landed");
    assert_eq!(landed.bumps.len(), 1);
    assert_eq!(scene.repo.file(WEB), web("1.1.0", ""), "no other byte changes");
    assert_eq!(scene.landed(), ["1.1.0"]);
    assert_eq!(scene.wakes(), (0, 1), "the sync loop is woken");

    for _ in 0..3 {
        let (report, _) = scene.pass().await;
        assert!(report.landed.is_none());
    }
    assert_eq!(scene.repo.subjects(), ["Add the shop", "Bump shop/web to 1.1.0"]);
    assert_eq!(scene.repo.pushes(), 1);
    assert_eq!(scene.decision().0, Decided::UpToDate);
}

#[tokio::test(start_paused = true)]
async fn a_lost_race_decides_again_and_keeps_the_edit_of_a_person() {
    let mut scene = Scene::new(None).await;
    scene.list(&["1.0.0", "1.1.0"]);
    let edited = |tag: &str| web(tag, "    acme.example/owner: jo\n");
    let theirs = edited("1.0.0");
    scene.repo.before_next_push(move |repo| {
        repo.person_commits("Name an owner", &[(WEB, &theirs)]);
    });
    let (report, retry) = scene.pass().await;
    assert!(!retry && report.landed.is_some(), "{report:?}");
    assert_eq!(scene.repo.pushes(), 2, "one lost, one landed");
    assert_eq!(scene.repo.file(WEB), edited("1.1.0"));
    assert_eq!(
        scene.repo.subjects(),
        ["Add the shop", "Name an owner", "Bump shop/web to 1.1.0"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_race_lost_to_a_person_who_sets_the_tag_needs_no_commit() {
    let mut scene = Scene::new(None).await;
    scene.list(&["1.0.0", "1.1.0"]);
    scene.repo.before_next_push(|repo| {
        repo.person_commits("Bump by hand", &[(WEB, &web("1.1.0", ""))]);
    });
    let (report, retry) = scene.pass().await;
    assert!(!retry && report.landed.is_none(), "{report:?}");
    assert_eq!(scene.repo.subjects(), ["Add the shop", "Bump by hand"]);
    assert_eq!(scene.repo.pushes(), 1);
    assert_eq!(
        scene.wakes().1,
        1,
        "the sync loop applies the head that the person pushed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_race_lost_to_a_person_who_locks_the_workload_ends_without_a_commit() {
    let mut scene = Scene::new(None).await;
    scene.list(&["1.0.0", "1.1.0"]);
    let locked = web("1.0.0", "    tidegate.dev/locked: \"true\"\n");
    let theirs = locked.clone();
    scene.repo.before_next_push(move |repo| {
        repo.person_commits("Lock", &[(WEB, &theirs)]);
    });
    let (report, _) = scene.pass().await;
    assert!(report.landed.is_none());
    assert_eq!(scene.repo.file(WEB), locked);
    assert_eq!(scene.decision().0, Decided::Locked);
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_loses_every_race_says_so_and_is_tried_again() {
    let mut scene = Scene::new(None).await;
    scene.list(&["1.0.0", "1.1.0"]);
    for number in 0..20 {
        scene.repo.before_next_push(move |repo| {
            repo.person_commits(&format!("Note {number}"), &[("notes.txt", &format!("{number}"))]);
        });
    }
    let (report, retry) = scene.pass().await;
    assert!(retry && report.landed.is_none());
    assert_eq!(
        report.problems,
        ["other pushes moved the branch 8 times before the commit landed; the next pass tries again"]
    );
    assert_eq!(scene.repo.pushes(), 8);
}

#[tokio::test]
async fn a_refused_push_and_a_read_only_key_are_distinguished_in_the_words_of_the_server() {
    let mut scene = Scene::new(None).await;
    scene.list(&["1.0.0", "1.1.0"]);
    for (outcome, starts, names) in [
        (
            PushOutcome::Refused("GH006: Protected branch update failed.".to_owned()),
            "the server refused the push: GH006: Protected branch update failed;",
            "automation.push",
        ),
        (
            PushOutcome::ReadOnly(
                "ERROR: The key you are authenticating with has been marked as read only.".to_owned(),
            ),
            "the deploy key may not write: ERROR: The key you are authenticating with has been marked as read only;",
            "give it write access",
        ),
    ] {
        scene.repo.answer_next_push(outcome);
        let (report, retry) = scene.pass().await;
        assert!(retry && report.landed.is_none(), "{report:?}");
        let [problem] = &*report.problems else {
            panic!("one problem: {report:?}");
        };
        assert!(problem.starts_with(starts) && problem.contains(names), "{problem}");
        assert_eq!(scene.problem().as_ref(), Some(problem), "the status says the same");
        assert_eq!(scene.decision().0, Decided::Bump, "the decision stands");
    }
    assert_eq!(scene.repo.subjects(), ["Add the shop"]);
    assert_eq!(scene.wakes().1, 0, "the sync loop has nothing new");

    let (report, _) = scene.pass().await;
    assert!(report.landed.is_some(), "the push is tried again");
    assert_eq!(scene.problem(), None);
}

#[tokio::test]
async fn a_field_that_stays_makes_no_commit_and_says_why() {
    let locked = web("1.0.0", "    tidegate.dev/locked: \"true\"\n");
    let unmatched = web("1.0.0", "    tidegate.dev/policy.web: semver:~3\n");
    let invalid = web("1.0.0", "    tidegate.dev/policy.web: newest:please\n");
    for (file, decided, reason) in [
        (locked, Decided::Locked, "locked"),
        (unmatched, Decided::NoCandidate, "semver:~3"),
        (invalid, Decided::InvalidPolicy, "newest"),
        (web("1.1.0", ""), Decided::UpToDate, ""),
    ] {
        let mut scene = Scene::with(&file, None).await;
        scene.list(&["1.0.0", "1.1.0"]);
        let (report, retry) = scene.pass().await;
        assert!(
            !retry && report.landed.is_none() && report.problems.is_empty(),
            "{report:?}"
        );
        let (outcome, why) = scene.decision();
        assert_eq!(outcome, decided, "{why}");
        assert!(why.contains(reason), "{why}");
        assert_eq!(scene.repo.pushes(), 0);
    }
}

#[tokio::test]
async fn a_bump_that_a_person_reverts_is_held_until_a_newer_tag() {
    let mut scene = Scene::new(None).await;
    scene.list(&["1.0.0", "1.1.0"]);
    scene.pass().await;
    scene
        .repo
        .person_commits("Revert \"Bump\"", &[(WEB, &web("1.0.0", ""))]);
    scene.fetch().await;
    let (report, _) = scene.pass().await;
    assert!(report.landed.is_none());
    let (outcome, reason) = scene.decision();
    assert_eq!(outcome, Decided::Held);
    assert!(
        reason.contains("1.1.0 was taken back in") && reason.contains("Jo"),
        "{reason}"
    );
    assert_eq!(scene.repo.file(WEB), web("1.0.0", ""));

    scene.list(&["1.0.0", "1.1.0", "1.1.1", "1.1.2", "1.1.3", "1.1.4"]);
    let (report, _) = scene.pass().await;
    assert!(report.landed.is_some(), "{:?}", scene.decision());
    assert_eq!(scene.repo.file(WEB), web("1.1.4", ""));
}

#[tokio::test]
async fn an_image_in_an_object_that_the_agent_may_not_apply_is_not_bumped() {
    let mut scene = Scene::new(None).await;
    scene.list(&["1.0.0", "1.1.0"]);
    let here = TargetId::here();
    scene.denied.expect(&here);
    scene.pass().await;
    let (outcome, reason) = scene.decision();
    assert_eq!(outcome, Decided::Unknown, "the first sync has not ended");
    assert!(reason.contains("first sync"), "{reason}");

    let web = scene.object();
    scene.denied.note(&here, Some([web].into()));
    scene.pass().await;
    let (outcome, reason) = scene.decision();
    assert_eq!(outcome, Decided::Denied);
    assert!(
        reason.contains("1.1.0 is newer") && reason.contains("no right to apply"),
        "{reason}"
    );
    assert_eq!(scene.repo.pushes(), 0);

    scene.denied.note(&here, Some(BTreeSet::new()));
    assert!(scene.pass().await.0.landed.is_some());
}
