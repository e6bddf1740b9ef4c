use super::world::World;
use tidegate_stack::ControlPlane;

#[tokio::test(flavor = "multi_thread")]
async fn a_reverted_bump_stays_reverted_through_scans_and_a_restart_until_something_newer_is_pushed() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut world = World::prepare(&cluster, "revert", "1111aaa").await;
    world.ecr.push_tag("shop/web", "1111aaa").unwrap();
    world.ecr.push_tag("shop/web", "2222bbb").unwrap();
    world.agent.run().await.unwrap();
    world.runs("2222bbb").await;
    let bump = world.repo.tip().unwrap().unwrap();

    let person = world.repo.work_copy().unwrap();
    let revert = person.revert(&bump).unwrap();
    person.push().unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    world.runs("1111aaa").await;
    for round in 0..20 {
        if round == 10 {
            world.agent.kill();
            world.agent.forget().unwrap();
            world.agent.run().await.unwrap();
        }
        world.agent.ask(&["scan"]).await.unwrap();
    }
    assert_eq!(
        world.repo.tip().unwrap(),
        Some(revert.clone()),
        "no commit after the revert"
    );
    assert!(world.live_image().await.ends_with(":1111aaa"));
    let plan: serde_json::Value =
        serde_json::from_str(&world.agent.ask(&["plan", "-o", "json"]).await.unwrap()).unwrap();
    let field = &plan["fields"][0];
    assert_eq!(field["outcome"], "held");
    let reason = field["reason"].as_str().unwrap();
    assert!(reason.contains("2222bbb") && reason.contains(&revert[..7]), "{reason}");
    assert_eq!(plan["bumps"].as_array().unwrap().len(), 0);

    let told = world.agent.ask(&["resume", "deployment/web"]).await.unwrap();
    assert!(told.contains("web: 2222bbb may be chosen again"), "{told}");
    world.agent.ask(&["sync"]).await.unwrap();
    world.runs("2222bbb").await;
    assert_eq!(world.bumps_to("2222bbb").len(), 2, "the bump lands again");
    let again = world.repo.tip().unwrap().unwrap();
    person.pull().unwrap();
    person.revert(&again).unwrap();
    person.push().unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    world.runs("1111aaa").await;

    world.ecr.push_tag("shop/web", "3333ccc").unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    world.runs("3333ccc").await;
    assert_eq!(world.bumps_to("3333ccc").len(), 1);
    assert_eq!(world.bumps_to("2222bbb").len(), 2);
}
