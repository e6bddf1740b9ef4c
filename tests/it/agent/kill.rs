use super::world::World;
use std::time::Duration;
use tidegate_stack::{ControlPlane, Random, commit_seed};

/// Few, since each waits for the cluster; `proof::kill` has the many.
const CYCLES: u32 = 10;

/// SIGKILL at a moment between the start and well after the bump's end; then an undisturbed run. Whatever the moment,
/// the tag is on the branch exactly once.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_killed_at_any_moment_makes_each_bump_exactly_once() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut world = World::prepare(&cluster, "kill", "tag-000").await;
    world.ecr.push_tag("shop/web", "tag-000").unwrap();
    world.agent.run().await.unwrap();
    world.runs("tag-000").await;
    world.agent.kill();
    let seed = commit_seed();
    let mut random = Random::new(seed);
    let mut landed_by_the_killed = 0;
    for cycle in 1..=CYCLES {
        let tag = format!("tag-{cycle:03}");
        let before = world.repo.tip().unwrap();
        world.ecr.push_tag("shop/web", &tag).unwrap();
        world.agent.start().unwrap();
        // From the start to the push takes 0.3 to 0.6 s; the moments are spread over that and some time after.
        tokio::time::sleep(Duration::from_millis(random.below(800))).await;
        world.agent.kill();
        landed_by_the_killed += u32::from(world.repo.tip().unwrap() != before);
        world.agent.run().await.unwrap();
        world.runs(&tag).await;
        if cycle % 2 == 0 {
            world.agent.kill();
            world.agent.forget().unwrap();
        } else {
            world.agent.stop().await.unwrap();
        }
    }
    println!("seed {seed}: {landed_by_the_killed} of {CYCLES} bumps were pushed by an agent that was then killed");
    for cycle in 1..=CYCLES {
        let tag = format!("tag-{cycle:03}");
        assert_eq!(world.bumps_to(&tag).len(), 1, "{tag}, seed {seed}");
    }
    let commits = world.repo.log().unwrap();
    assert_eq!(commits.len(), CYCLES as usize + 1, "no other commit, seed {seed}");
    assert!(commits.iter().rev().skip(1).all(|commit| commit.parents.len() == 1));
    world.repo.git(&["fsck", "--strict"]).unwrap();
    assert!(!world.is_running());
}
