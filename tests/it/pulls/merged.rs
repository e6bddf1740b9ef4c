use super::scene::{SIDE, Scene, pull_requests};
use tidegate_stack::gitea::How;

#[tokio::test(flavor = "multi_thread")]
async fn a_merged_request_is_followed_by_quiet_and_its_revert_holds() {
    story(How::Merge).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_squashed_request_is_followed_by_quiet_and_its_revert_holds() {
    story(How::Squash).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebased_request_is_followed_by_quiet_and_its_revert_holds() {
    story(How::Rebase).await;
}

async fn story(how: How) {
    let mut scene = Scene::prepare(&format!("{how:?}").to_lowercase(), pull_requests).await;
    scene.ecr.push_tag("shop/web", "2222bbb").unwrap();
    let before = scene.tip();
    scene.agent.run().await.unwrap();
    let said = scene.scan().await;
    assert!(said.contains("1 image proposed on tidegate/main"), "{said}");

    let pull = scene.pull().await;
    assert!(pull.open && pull.title == "Bump shop/web to 2222bbb", "{pull:#?}");
    assert_eq!(pull.labels, ["images", "tidegate"]);
    assert_eq!(scene.tip(), before, "the followed branch is as it was");
    assert_eq!((scene.tag_at(SIDE), scene.parent_of(SIDE)), ("2222bbb".into(), before));

    scene.ecr.push_tag("shop/web", "3333ccc").unwrap();
    let person = scene.project.work_copy().unwrap();
    person.write("notes.txt", "by hand\n").unwrap();
    let notes = person.commit("notes").unwrap();
    person.push().unwrap();
    scene.scan().await;
    let updated = scene.pull().await;
    assert_eq!(
        (updated.number, updated.title.as_str()),
        (pull.number, "Bump shop/web to 3333ccc")
    );
    assert_eq!((scene.tag_at(SIDE), scene.parent_of(SIDE)), ("3333ccc".into(), notes));
    let side = scene.side();
    assert_eq!(scene.scan().await.matches("waits in http").count(), 1);
    assert_eq!(
        (scene.pull().await.body, scene.side()),
        (updated.body, side),
        "nothing changes while nothing is new"
    );

    scene.project.merge(updated.number, how).await.unwrap();
    assert_eq!(scene.tag_at("main"), "3333ccc");
    for _ in 0..3 {
        let said = scene.scan().await;
        assert!(said.contains("nothing bumped"), "{said}");
    }
    assert!(scene.pull().await.merged);
    assert_eq!(scene.side(), None, "the side branch is cleared away");

    person.git(&["pull", "-q", "origin", "main"]).unwrap();
    match how {
        How::Merge => person
            .git(&["revert", "--no-edit", "-m", "1", "HEAD"])
            .map(drop)
            .unwrap(),
        How::Squash | How::Rebase => person.revert("HEAD").map(drop).unwrap(),
    }
    person.push().unwrap();
    for _ in 0..3 {
        let said = scene.scan().await;
        assert!(said.contains("nothing bumped"), "{said}");
    }
    scene.pull().await;
    let decision = scene.decision().await;
    assert_eq!(decision["outcome"], "held", "{decision:#}");

    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    scene.ecr.push_tag("shop/web", "4444ddd").unwrap();
    scene.scan().await;
    let pulls = scene.project.pulls().await.unwrap();
    assert_eq!(pulls.len(), 2, "{}", scene.agent.log());
    assert!(pulls[1].open && pulls[1].title.ends_with("to 4444ddd"), "{pulls:#?}");
}
