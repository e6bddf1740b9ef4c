//! How often the agent waits for the other side, counted by a relay with a distance of its own.

use super::scene::{Scene, landed};
use std::time::Duration;
use tidegate::git::Repo;
use tidegate::port::ConfigRepo;
use tidegate_stack::relay::{Direction, Relay};

/// One way; well above what the server takes to answer.
const DISTANCE: Duration = Duration::from_millis(200);

/// What was still under way has arrived.
async fn quiet(relay: &Relay) -> u64 {
    let mut before = u64::MAX;
    loop {
        let now = relay.bytes(Direction::ToClient) + relay.bytes(Direction::ToTarget);
        if now == before {
            return relay.round_trips();
        }
        before = now;
        tokio::time::sleep(DISTANCE * 3).await;
    }
}

/// OpenSSH's server gives a channel no window before its command has started, so that what a push sends waits for the answer
/// to its command line: two round trips, where a session opened in advance could do with one.
#[tokio::test]
async fn a_warm_push_costs_two_round_trips_and_a_fetch_at_most_three() {
    let scene = Scene::start();
    let relay = Relay::start(scene.server.addr()).unwrap();
    for direction in [Direction::ToTarget, Direction::ToClient] {
        relay.set_latency(direction, DISTANCE);
    }
    let known = scene.server.known_hosts_lines_for(relay.addr()).join("\n");
    let repo = Repo::open(scene.ssh(&scene.bare.url_through(relay.addr()), &known)).unwrap();
    let tip = repo.fetch().await.unwrap();
    let cold = quiet(&relay).await;
    let mut tip = landed(&repo, tip, "1.0.1").await;
    let first = quiet(&relay).await - cold;
    for tag in ["1.0.2", "1.0.3"] {
        let before = quiet(&relay).await;
        tip = landed(&repo, tip, tag).await;
        assert!(relay.round_trips() - before <= 2, "{}", relay.round_trips() - before);
    }
    let before = quiet(&relay).await;
    repo.fetch().await.unwrap();
    assert!(
        relay.round_trips() - before <= 1,
        "nothing new: {}",
        relay.round_trips() - before
    );
    for number in 0..30 {
        scene.bare.seed(&[("README.md", &format!("# {number}\n"))]).unwrap();
    }
    let before = quiet(&relay).await;
    let theirs = repo.fetch().await.unwrap();
    let fetched = relay.round_trips() - before;
    assert_ne!(theirs, tip);
    assert!(fetched <= 3, "{fetched}");
    println!("round trips: first fetch {cold}, first push {first}, fetch of new commits {fetched}");
}
