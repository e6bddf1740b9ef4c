use super::world::{SOON, World};
use k8s_openapi::api::core::v1::Event;
use kube::Api;
use tidegate_stack::{ControlPlane, agent};

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_tag_becomes_a_commit_of_one_line_and_then_the_live_image() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut world = World::prepare(&cluster, "chain", "1111aaa").await;
    world.ecr.push_tag("shop/web", "1111aaa").unwrap();
    world.agent.run().await.unwrap();
    world.runs("1111aaa").await;
    let before = world.repo.tip().unwrap().unwrap();

    let digest = world.ecr.push_tag("shop/web", "2222bbb").unwrap();
    let told = world
        .agent
        .ask(&["scan", "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web"])
        .await
        .unwrap();
    world.runs("2222bbb").await;

    let commits = world.repo.log().unwrap();
    let bump = &commits[0];
    assert_eq!(bump.parents, [before], "one parent: the tip");
    assert_eq!(commits.len(), 2);
    let diff = world.repo.diff(&bump.id).unwrap();
    let changed: Vec<&str> = diff
        .lines()
        .filter(|line| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---"))
        .collect();
    assert_eq!(
        changed,
        [
            "-        image: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1111aaa   # by CI",
            "+        image: 111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web:2222bbb   # by CI",
        ]
    );
    let trailers = world
        .repo
        .git(&["log", "-1", "--format=%(trailers:key=Tidegate-Bump,valueonly)"])
        .unwrap();
    for part in [&world.namespace, "old=1111aaa", "new=2222bbb", "shop/web"] {
        assert!(trailers.contains(part), "{part} in {trailers}");
    }
    assert!(
        trailers.contains(digest.trim_start_matches("sha256:")),
        "{digest} in {trailers}"
    );
    assert!(
        told.contains("2222bbb") && told.contains(&bump.id[..7]),
        "scan tells the bump: {told}"
    );
    world.repo.git(&["fsck", "--strict"]).unwrap();

    let events: Api<Event> = Api::namespaced(world.client.clone(), agent::NAMESPACE);
    let deadline = tokio::time::Instant::now() + SOON;
    let reasons = async || -> Vec<String> {
        let events = events.list(&Default::default()).await.unwrap().items.into_iter();
        let about_bump = events.filter(|event| event.message.as_deref().unwrap_or_default().contains(&bump.id));
        about_bump.filter_map(|event| event.reason).collect()
    };
    while reasons().await.is_empty() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "no event for {}; the agent's log:\n{}",
            bump.id,
            world.agent.log()
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // The answer comes after the bump's commit was applied.
    world.agent.ask(&["sync"]).await.unwrap();
    assert_eq!(world.agent.stop().await.unwrap(), 0, "SIGTERM drains");
    assert_eq!(reasons().await, ["Bumped"], "one event for a bump");
}
