//! How often the agent waits for the other side, counted by a relay with a distance of its own.

use super::scene::{Scene, bump, landed};
use std::net::SocketAddr;
use std::time::Duration;
use tidegate::git::{Repo, RepoUrl};
use tidegate::model::BranchName;
use tidegate::port::{ConfigRepo, ProposalBranches, PushOutcome};
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

fn far(server: SocketAddr) -> Relay {
    let relay = Relay::start(server).unwrap();
    for direction in [Direction::ToTarget, Direction::ToClient] {
        relay.set_latency(direction, DISTANCE);
    }
    relay
}

#[tokio::test]
async fn a_warm_push_costs_one_round_trip_and_a_fetch_at_most_three() {
    let scene = Scene::start();
    let relay = &far(scene.server.addr());
    let known = scene.server.known_hosts_lines_for(relay.addr()).join("\n");
    let repo = Repo::open(scene.ssh(&scene.bare.url_through(relay.addr()), &known)).unwrap();
    let mut tip = repo.fetch().await.unwrap();
    let cold = quiet(relay).await;
    for tag in ["1.0.1", "1.0.2", "1.0.3"] {
        scene.is_ready().await;
        let before = quiet(relay).await;
        tip = landed(&repo, tip, tag).await;
        assert_eq!(relay.round_trips() - before, 1, "{tag}");
    }
    let before = quiet(relay).await;
    repo.fetch().await.unwrap();
    assert_eq!(relay.round_trips() - before, 1, "nothing new");
    for number in 0..30 {
        scene.bare.seed(&[("README.md", &format!("# {number}\n"))]).unwrap();
    }
    let before = quiet(relay).await;
    let theirs = repo.fetch().await.unwrap();
    let fetched = relay.round_trips() - before;
    assert_ne!(theirs, tip);
    assert!(fetched <= 3, "{fetched}");
    scene.is_ready().await;
    let before = quiet(relay).await;
    landed(&repo, theirs, "1.0.4").await;
    assert_eq!(relay.round_trips() - before, 1, "after somebody else's commits");
    assert_eq!(repo.counters().connections, 1);
    let side = BranchName::parse("tidegate").unwrap();
    let mut seen = None;
    for tag in ["2.0.0", "2.0.1"] {
        let tip = repo.fetch().await.unwrap();
        assert_eq!(repo.branch_head(side.clone(), tip).await.unwrap(), seen);
        let plan = bump(&repo, tip, tag).await;
        scene.is_ready().await;
        let before = quiet(relay).await;
        let replaced = repo.replace_branch(side.clone(), seen, vec![plan]).await.unwrap();
        assert_eq!(relay.round_trips() - before, 1, "a side branch: {tag}");
        let PushOutcome::Landed(ours) = replaced else {
            panic!("it was to land, not {replaced:?}")
        };
        seen = Some(ours);
    }
    scene.is_ready().await;
    let before = quiet(relay).await;
    repo.remove_branch(side, seen.unwrap()).await.unwrap();
    assert_eq!(relay.round_trips() - before, 1, "a side branch that is removed");
    println!("round trips: first fetch {cold}, fetch of new commits {fetched}");
}

/// The connection serves the next request once git's program on the server has ended, which a busy machine puts off.
#[tokio::test]
async fn over_https_a_warm_push_is_one_request_and_a_fetch_at_most_three() {
    let scene = Scene::start();
    let web = scene.server.web(true).unwrap();
    let relay = &far(web.addr());
    let mut settings = scene.http(&web);
    settings.url = RepoUrl::parse(&web.url_through(relay.addr(), "fleet")).unwrap();
    let repo = Repo::open(settings).unwrap();
    let tip = repo.fetch().await.unwrap();
    let first = quiet(relay).await;
    let mut tip = landed(&repo, tip, "0.9.0").await;
    let (mut push, mut nothing_new, mut news) = (u64::MAX, u64::MAX, u64::MAX);
    for round in 1..5 {
        let before = quiet(relay).await;
        landed(&repo, tip, &format!("1.0.{round}")).await;
        push = push.min(relay.round_trips() - before);
        let before = quiet(relay).await;
        repo.fetch().await.unwrap();
        nothing_new = nothing_new.min(relay.round_trips() - before);
        scene.bare.seed(&[("README.md", &format!("# {round}\n"))]).unwrap();
        let before = quiet(relay).await;
        tip = repo.fetch().await.unwrap();
        news = news.min(relay.round_trips() - before);
        if (push, nothing_new) == (1, 1) && news <= 3 {
            println!("round trips over HTTPS: first fetch {first}, fetch of a new commit {news}");
            return;
        }
    }
    panic!("a push costs {push}, a fetch {nothing_new} and {news}");
}
