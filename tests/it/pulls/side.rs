use super::scene::{SIDE, Scene, pull_requests};
use tidegate_stack::git::Access;

fn side_branch(_: &tidegate_stack::Gitea) -> String {
    "automation: {push: branch}\n".to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_side_branch_follows_the_branch_below_and_a_persons_commit_on_it_stays() {
    let mut scene = Scene::prepare("side", side_branch).await;
    scene.ecr.push_tag("shop/web", "2222bbb").unwrap();
    scene.agent.run().await.unwrap();
    scene.scan().await;
    let first = scene.side();
    assert_eq!(
        (scene.tag_at(SIDE), scene.parent_of(SIDE)),
        ("2222bbb".into(), scene.tip())
    );
    scene.scan().await;
    assert_eq!(scene.side(), first, "the same again is not pushed");
    assert!(scene.project.pulls().await.unwrap().is_empty());

    let person = scene.project.work_copy().unwrap();
    person.write("notes.txt", "by hand\n").unwrap();
    let notes = person.commit("notes").unwrap();
    person.push().unwrap();
    scene.scan().await;
    assert_eq!(scene.parent_of(SIDE), notes);

    person.git(&["fetch", "-q", "origin"]).unwrap();
    person
        .git(&["checkout", "-q", "-b", "mine", &format!("origin/{SIDE}")])
        .unwrap();
    person.write("mine.txt", "by hand\n").unwrap();
    let mine = person.commit("mine").unwrap();
    person.git(&["push", "-q", "origin", &format!("HEAD:{SIDE}")]).unwrap();
    scene.ecr.push_tag("shop/web", "3333ccc").unwrap();
    let said = scene.scan().await;
    assert!(
        said.contains(&mine[..7]) && said.contains("only its own commits"),
        "{said}"
    );
    assert_eq!(scene.side(), Some(mine), "nobody's commit is lost");

    person.git(&["push", "-q", "origin", &format!(":{SIDE}")]).unwrap();
    let said = scene.scan().await;
    assert!(said.contains("1 image proposed on tidegate/main"), "{said}");
    assert_eq!(scene.tag_at(SIDE), "3333ccc");
}

/// A new pod has no mirror. The fetch is shallow, and the proposal branch may begin below the shallow boundary.
#[tokio::test(flavor = "multi_thread")]
async fn a_side_branch_is_signed_and_an_agent_with_a_bounded_history_takes_it_up_again() {
    let signed = |_: &tidegate_stack::Gitea| "automation: {push: branch, signing: {deployKey: true}}\n".to_owned();
    let shallow = |options: &mut tidegate_stack::agent::Options| options.repo_more = "  depth: 1\n".to_owned();
    let mut scene = Scene::prepare_with("signed", signed, shallow).await;
    let person = scene.project.work_copy().unwrap();
    let notes = |count: usize| {
        for number in 0..count {
            person.write("notes.txt", &format!("{number} of {count}\n")).unwrap();
            person.commit("notes").unwrap();
        }
        person.push().unwrap();
    };
    notes(5);
    scene.ecr.push_tag("shop/web", "2222bbb").unwrap();
    scene.agent.run().await.unwrap();
    let said = scene.scan().await;
    assert!(said.contains("1 image proposed on tidegate/main"), "{said}");
    let file = scene.agent.dir().join("allowed_signers");
    std::fs::write(&file, format!("tidegate {}", scene.agent.identity().await.unwrap())).unwrap();
    let setting = format!("gpg.ssh.allowedSignersFile={}", file.display());
    let verify = |scene: &Scene| {
        scene
            .project
            .git()
            .git(&["-c", &setting, "verify-commit", SIDE])
            .map(drop)
    };
    verify(&scene).unwrap();

    scene.agent.kill();
    scene.agent.forget().unwrap();
    notes(4);
    scene.ecr.push_tag("shop/web", "3333ccc").unwrap();
    scene.agent.run().await.unwrap();
    let said = scene.scan().await;
    assert!(said.contains("1 image proposed on tidegate/main"), "{said}");
    assert_eq!(
        (scene.tag_at(SIDE), scene.parent_of(SIDE)),
        ("3333ccc".into(), scene.tip())
    );
    verify(&scene).unwrap();
    scene.project.git().git(&["fsck", "--strict"]).unwrap();
}

/// The forge's button that brings a request up to date merges the branch below into ours: that is no work of a person.
#[tokio::test(flavor = "multi_thread")]
async fn the_forges_own_update_of_a_request_does_not_stop_us() {
    let mut scene = Scene::prepare("update-button", pull_requests).await;
    scene.ecr.push_tag("shop/web", "2222bbb").unwrap();
    scene.agent.run().await.unwrap();
    scene.scan().await;
    let number = scene.pull().await.number;
    for style in ["merge", "rebase"] {
        let person = scene.project.work_copy().unwrap();
        person.write(&format!("{style}.txt"), "by hand\n").unwrap();
        person.commit("notes").unwrap();
        person.push().unwrap();
        let side = scene.side();
        let path = format!("/pulls/{number}/update?style={style}");
        scene.project.call("POST", &path, None).await.unwrap();
        assert_ne!(scene.side(), side, "the forge has moved the branch");
        let said = scene.scan().await;
        assert!(said.contains("1 image proposed"), "{said}");
        assert_eq!(scene.parent_of(SIDE), scene.tip());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_forge_forbids_is_reported_in_its_words_and_not_tried_in_a_storm() {
    let mut scene = Scene::prepare("forbidden", |_| String::new()).await;
    scene.project.remove_deploy_keys().await.unwrap();
    let key = scene.agent.identity().await.unwrap();
    scene.project.deploy_key(&key, Access::ReadOnly).await.unwrap();
    scene.ecr.push_tag("shop/web", "2222bbb").unwrap();
    let before = scene.tip();
    scene.agent.run().await.unwrap();
    let said = scene.scan().await;
    assert!(said.contains("the deploy key may not write"), "{said}");

    scene.project.remove_deploy_keys().await.unwrap();
    scene.project.deploy_key(&key, Access::ReadWrite).await.unwrap();
    scene.project.protect("main").await.unwrap();
    let said = scene.scan().await;
    assert!(
        said.contains("protected branch") && said.contains("automation.push"),
        "{said}"
    );
    let pushes = || {
        scene
            .gitea
            .log()
            .matches("not allowed to push to protected branch")
            .count()
    };
    let count = pushes();
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    assert!(pushes() - count <= 4, "{} pushes in four seconds", pushes() - count);
    assert_eq!(scene.tip(), before);

    let more = format!("sync: {{enabled: false}}\n{}", pull_requests(scene.gitea));
    scene.agent.configure(|options| options.more = more).unwrap();
    scene.agent.stop().await.unwrap();
    scene.agent.run().await.unwrap();
    scene.scan().await;
    assert!(scene.pull().await.open, "a request is the way to a protected branch");
}
