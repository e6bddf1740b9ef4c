use super::world::{SOON, World};
use std::time::{Duration, Instant};
use tidegate_stack::ControlPlane;
use tidegate_stack::ecr::{Fault, Mark};
use tidegate_stack::relay::{Direction, Relay};

/// An agent whose git server is behind a relay.
async fn behind_a_relay(cluster: &ControlPlane, name: &str) -> (World, Relay) {
    let mut world = World::prepare(cluster, name, "1111aaa").await;
    let relay = Relay::start(world.git.addr()).unwrap();
    let (url, known_hosts) = (
        world.repo.url_through(relay.addr()),
        world.git.known_hosts_lines_for(relay.addr()),
    );
    let configured = world.agent.configure(|options| {
        options.repo_url = url;
        options.known_hosts = known_hosts;
    });
    configured.unwrap();
    (world, relay)
}

/// A git server that hangs does not keep the agent from stopping, whichever phase it hangs in.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_a_fetch_that_hangs() {
    let cluster = ControlPlane::shared().await.unwrap();
    let (mut world, relay) = behind_a_relay(&cluster, "stops").await;
    for after in [0, 600, 3000] {
        relay.stall_after(Direction::ToClient, after);
        let before = relay.connections();
        world.agent.start().unwrap();
        let deadline = Instant::now() + SOON;
        while relay.connections() == before {
            assert!(Instant::now() < deadline, "the agent does not connect");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        while relay.bytes(Direction::ToClient) < after {
            assert!(
                Instant::now() < deadline,
                "the server's first {after} bytes do not arrive"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let process = world.agent.process().unwrap();
        process.terminate();
        // The git server never answers again: a stop that waits for the answer ends with the deadline of git, not with 0.
        assert_eq!(process.exited(SOON).await.unwrap(), 0);
        assert!(!process.log_text().contains("did not answer within"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_signal_aborts_a_pass_that_hangs() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut world = World::prepare(&cluster, "signals", "1111aaa").await;
    world.ecr.fault(Fault::delay(Duration::from_secs(20)));
    world.agent.start().unwrap();
    world.agent.ready().await.unwrap();
    let deadline = Instant::now() + SOON;
    while world.ecr.requests_since(&Mark::default()).total() == 0 {
        assert!(Instant::now() < deadline, "the agent does not scan");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let process = world.agent.process().unwrap();
    process.terminate();
    process.logged("draining", SOON).await.unwrap();
    assert!(process.is_running(), "the pass in flight may end");
    process.terminate();
    assert_eq!(process.exited(SOON).await.unwrap(), 1);
    assert!(process.log_text().contains("aborted by a second signal"));
}

/// Without a repository the agent is alive but not ready, and says what it lacks.
#[tokio::test(flavor = "multi_thread")]
async fn probes_distinguish_alive_from_ready() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut world = World::prepare(&cluster, "probes", "1111aaa").await;
    world.git.stop();
    world.agent.start().unwrap();
    let process = world.agent.process().unwrap();
    process.logged("fetch failed", SOON).await.unwrap();
    assert_eq!(world.agent.get("/healthz").await.unwrap().0, 200);
    let (code, body) = world.agent.get("/readyz").await.unwrap();
    assert_eq!(code, 503);
    assert!(body.contains("config repo\n"), "{body}");
    world.git.resume().unwrap();
    world.agent.ready().await.unwrap();
    let (_, metrics) = world.agent.get("/metrics").await.unwrap();
    assert!(
        metrics.contains("tidegate_loop_passes_total{loop=\"follow\",outcome=\"ok\"}"),
        "{metrics}"
    );
}
