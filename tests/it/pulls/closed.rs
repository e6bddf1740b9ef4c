use super::scene::{SIDE, Scene, pull_requests};

/// A person says no by closing: that is for these tags, and survives an agent that starts from nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_a_person_closed_is_not_opened_again_for_the_same_tags() {
    let mut scene = Scene::prepare("closed", pull_requests).await;
    scene.ecr.push_tag("shop/web", "2222bbb").unwrap();
    scene.agent.run().await.unwrap();
    scene.scan().await;
    let number = scene.pull().await.number;
    scene.project.set_open(number, false).await.unwrap();
    for round in 0..4 {
        if round == 2 {
            scene.agent.kill();
            scene.agent.forget().unwrap();
            scene.agent.run().await.unwrap();
        }
        let said = scene.scan().await;
        assert!(said.contains("nothing bumped"), "{said}");
    }
    assert!(!scene.pull().await.open);
    let decision = scene.decision().await;
    let reason = decision["reason"].as_str().unwrap();
    assert_eq!(decision["outcome"], "held", "{decision:#}");
    assert!(
        reason.contains("2222bbb") && reason.contains(&format!("/pulls/{number}")),
        "{reason}"
    );

    scene.project.set_open(number, true).await.unwrap();
    let said = scene.scan().await;
    assert!(
        said.contains("1 image proposed"),
        "opened again, it is proposed again: {said}"
    );
    scene.project.set_open(number, false).await.unwrap();
    scene.ecr.push_tag("shop/web", "3333ccc").unwrap();
    scene.scan().await;
    let pulls = scene.project.pulls().await.unwrap();
    assert_eq!(pulls.len(), 2, "a newer tag has a request of its own: {pulls:#?}");
    assert!(pulls[1].open && pulls[1].title.ends_with("3333ccc"), "{pulls:#?}");
    assert_eq!(scene.tag_at(SIDE), "3333ccc");
    assert_eq!(scene.tag_at("main"), "1111aaa");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overtaken_request_is_closed_with_a_word_and_does_not_count_as_a_no() {
    let mut scene = Scene::prepare("overtaken", pull_requests).await;
    scene.ecr.push_tag("shop/web", "2222bbb").unwrap();
    scene.agent.run().await.unwrap();
    scene.scan().await;
    let number = scene.pull().await.number;

    let person = scene.project.work_copy().unwrap();
    let old = person.read("apps/web.yaml").unwrap();
    person
        .write("apps/web.yaml", &old.replace("1111aaa", "2222bbb"))
        .unwrap();
    person.commit("by hand").unwrap();
    person.push().unwrap();
    scene.scan().await;
    let pull = scene.pull().await;
    assert!(!pull.open && !pull.merged, "{pull:#?}");
    let comments = scene.project.comments(number).await.unwrap();
    assert!(
        comments.len() == 1 && comments[0].contains("Superseded"),
        "{comments:?}"
    );
    assert_eq!(scene.side(), None);

    // A superseded bump is proposed again when a field asks for it again, since no person has refused it.
    person.write("apps/web.yaml", &old).unwrap();
    person.commit("back, by hand").unwrap();
    person.push().unwrap();
    scene.scan().await;
    let pulls = scene.project.pulls().await.unwrap();
    assert_eq!(pulls.len(), 2, "{}", scene.agent.log());
    assert!(pulls[1].open, "{pulls:#?}");
}
