use super::world::World;
use tidegate_stack::ControlPlane;

/// The agent polls once an hour here, so it learns of the rival's commit only from the lost push.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_race_is_decided_again_on_the_new_tip_within_the_same_pass() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut world = World::prepare(&cluster, "race", "1111aaa").await;
    world.ecr.push_tag("shop/web", "1111aaa").unwrap();
    world.agent.run().await.unwrap();
    world.runs("1111aaa").await;

    let rival = world.repo.work_copy().unwrap();
    rival.write("notes.txt", "by hand\n").unwrap();
    let theirs = rival.commit("notes").unwrap();
    rival.push().unwrap();
    world.ecr.push_tag("shop/web", "2222bbb").unwrap();
    world.agent.ask(&["scan"]).await.unwrap();

    let commits = world.repo.log().unwrap();
    assert_eq!(commits[0].parents, [theirs]);
    assert_eq!(world.bumps_to("2222bbb").len(), 1);
    assert_eq!(world.repo.file_at("main", "notes.txt").unwrap(), "by hand\n");
    world.runs("2222bbb").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rival_who_reverts_between_two_scans_is_not_overruled() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut world = World::prepare(&cluster, "overrule", "1111aaa").await;
    world.ecr.push_tag("shop/web", "1111aaa").unwrap();
    world.ecr.push_tag("shop/web", "2222bbb").unwrap();
    world.agent.run().await.unwrap();
    world.runs("2222bbb").await;

    // Pushed before the revert, seen by the agent after it.
    world.ecr.push_tag("shop/web", "3333ccc").unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let person = world.repo.work_copy().unwrap();
    let revert = person.revert(&world.bumps_to("2222bbb")[0].id).unwrap();
    person.push().unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    assert_eq!(
        world.repo.tip().unwrap(),
        Some(revert),
        "3333ccc is older than the revert"
    );
}
