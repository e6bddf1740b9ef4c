use super::scene::{Scene, WEB, web};
use crate::model::BranchName;
use crate::notice::{Event, ProposalEvent};
use crate::port::PushOutcome;

fn branch() -> BranchName {
    BranchName::parse("tidegate/bumps").unwrap()
}

#[tokio::test]
async fn bumps_go_to_the_proposal_branch_and_leave_the_followed_one_alone() {
    let mut scene = Scene::new(Some(branch())).await;
    scene.list(&["1.0.0", "1.1.0"]);
    let (report, _) = scene.pass().await;
    let proposed = report.proposed.expect("a bump is proposed");
    assert_eq!((proposed.branch, proposed.bumps.len()), (branch(), 1));
    assert_eq!(scene.repo.file(WEB), web("1.0.0", ""));
    assert_eq!(scene.repo.file_on(&branch(), WEB), Some(web("1.1.0", "")));
    scene.pass().await;
    assert_eq!(scene.repo.pushes(), 1, "the branch is as it should be");

    scene.repo.person_commits("Merge", &[(WEB, &web("1.1.0", ""))]);
    let (report, _) = scene.pass().await;
    assert!(report.proposed.is_none() && report.problems.is_empty(), "{report:?}");
    assert_eq!(scene.repo.file_on(&branch(), WEB), None, "nothing is left to propose");
}

#[tokio::test]
async fn what_becomes_of_the_proposal_branch_reaches_every_sink() {
    let mut scene = Scene::new(Some(branch())).await;
    scene.list(&["1.0.0", "1.1.0"]);
    let mut proposals = async || {
        scene.pass().await;
        let news = scene.news().into_iter();
        let proposals = news.filter_map(|event| match event {
            Event::Proposal(event) => Some(event),
            _ => None,
        });
        proposals.collect::<Vec<_>>()
    };
    let [
        ProposalEvent::Proposed {
            branch: name, bumps, ..
        },
    ] = &*proposals().await
    else {
        panic!("a bump is proposed");
    };
    assert_eq!((name, bumps[0].to.as_str()), (&branch(), "1.1.0"));
    assert!(proposals().await.is_empty(), "nothing is new");
    scene.repo.person_commits("Merge", &[(WEB, &web("1.1.0", ""))]);
    scene.pass().await;
    let removed = ProposalEvent::BranchRemoved { branch: branch() };
    assert!(scene.news().contains(&Event::Proposal(removed)));
}

#[tokio::test]
async fn a_commit_of_a_person_on_the_proposal_branch_is_not_overwritten() {
    let mut scene = Scene::new(Some(branch())).await;
    scene.list(&["1.0.0", "1.1.0"]);
    scene.pass().await;
    let theirs = web("1.1.0", "    acme.example/owner: jo\n");
    scene
        .repo
        .person_commits_to(&branch(), "Name an owner", &[(WEB, &theirs)]);
    scene.list(&["1.0.0", "1.1.0", "1.2.0"]);
    let (report, retry) = scene.pass().await;
    assert!(retry);
    let [problem] = &*report.problems else {
        panic!("one problem: {report:?}");
    };
    assert!(
        problem.contains("by Jo <jo@acme.example>, and tidegate replaces only its own commits"),
        "{problem}"
    );
    assert_eq!(scene.repo.file_on(&branch(), WEB), Some(theirs));
}

#[tokio::test(start_paused = true)]
async fn a_race_for_the_proposal_branch_is_decided_again() {
    let mut scene = Scene::new(Some(branch())).await;
    scene.list(&["1.0.0", "1.1.0"]);
    scene.pass().await;
    scene.list(&["1.0.0", "1.1.0", "1.2.0"]);
    let theirs = web("1.1.0", "    acme.example/owner: jo\n");
    let pushed = theirs.clone();
    scene.repo.before_next_push(move |repo| {
        repo.person_commits_to(&branch(), "Name an owner", &[(WEB, &pushed)]);
    });
    let (report, _) = scene.pass().await;
    assert!(report.proposed.is_none() && report.problems.len() == 1, "{report:?}");
    assert_eq!(scene.repo.file_on(&branch(), WEB), Some(theirs));
}

#[tokio::test]
async fn a_refused_proposal_says_what_the_server_says() {
    let mut scene = Scene::new(Some(branch())).await;
    scene.list(&["1.0.0", "1.1.0"]);
    scene
        .repo
        .answer_next_push(PushOutcome::Refused("no new branches".to_owned()));
    let (report, retry) = scene.pass().await;
    assert!(retry && report.proposed.is_none());
    assert!(report.problems[0].starts_with("the server refused the push: no new branches;"));
    assert_eq!(scene.problem(), report.problems.first().cloned());
}
