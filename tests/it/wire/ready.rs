//! A push on standby: the update lands exactly once, whatever happens to the standby before the push.

use super::scene::{FILE, Scene, bump, fetched_in_haste, landed, waiting};
use std::sync::Arc;
use std::time::Duration;
use tidegate::git::{DeployKey, Repo};
use tidegate::model::CommitId;
use tidegate::port::{ConfigRepo, PushOutcome, RepoProblem};
use tidegate_stack::git::Access;
use tidegate_stack::relay::Relay;

#[tokio::test(flavor = "multi_thread")]
async fn one_that_the_server_has_ended_is_replaced_and_two_in_a_row_are_enough() {
    let scene = Scene::start();
    let relay = Relay::start(scene.server.addr()).unwrap();
    let known = scene.server.known_hosts_lines_for(relay.addr()).join("\n");
    let repo = Repo::open(scene.ssh(&scene.bare.url_through(relay.addr()), &known)).unwrap();
    let mut tip = repo.fetch().await.unwrap();
    for round in 0..2 {
        scene.is_ready().await;
        scene.ends_what_waits(&relay).await;
        if round == 0 {
            tip = landed(&repo, tip, "1.0.1").await;
        } else {
            repo.fetch().await.unwrap();
            scene.is_ready().await;
        }
    }
    scene.ends_what_waits(&relay).await;
    repo.fetch().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(waiting(scene.bare.path()).is_empty(), "the server does not want them");
    landed(&repo, tip, "1.0.2").await;
    scene.is_ready().await;
    scene.landed_once(3);
    assert_eq!(repo.counters().connections, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_has_died_in_silence_is_replaced_and_nothing_lands_twice() {
    let scene = Scene::start();
    let relay = Relay::start(scene.server.addr()).unwrap();
    let known = scene.server.known_hosts_lines_for(relay.addr()).join("\n");
    let mut settings = scene.ssh(&scene.bare.url_through(relay.addr()), &known);
    settings.timeout = Duration::from_secs(2);
    let repo = Repo::open(settings).unwrap();
    let mut tip = fetched_in_haste(&repo).await;
    let mut answered = 0;
    for (round, stall) in [100, 2_500, 3_000].into_iter().enumerate() {
        scene.is_ready().await;
        let plan = bump(&repo, tip, &format!("2.0.{round}")).await;
        relay.stall();
        let pushing = tokio::spawn({
            let repo = repo.clone();
            async move { repo.commit_and_push(vec![plan]).await }
        });
        tokio::time::sleep(Duration::from_millis(stall)).await;
        relay.flow();
        // A busy machine may take longer than the rest of the time: then the push is reported as unknown, and decided by the branch.
        let pushed = pushing.await.unwrap();
        tip = fetched_in_haste(&repo).await;
        match pushed {
            Ok(PushOutcome::Landed(ours)) => {
                assert_eq!(tip, ours);
                answered += 1;
            }
            Ok(other) => panic!("{stall}: {other:?}"),
            Err(failure) => assert_eq!(failure.problem, RepoProblem::Unreachable, "{stall}: {failure}"),
        }
        while !scene
            .bare
            .file_at("main", FILE)
            .unwrap()
            .contains(&format!("2.0.{round}"))
        {
            let plan = bump(&repo, tip, &format!("2.0.{round}")).await;
            let _ = repo.commit_and_push(vec![plan]).await;
            tip = fetched_in_haste(&repo).await;
        }
        scene.landed_once(round + 2);
    }
    assert!(answered > 0, "no push outlived its connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_thinks_for_long_is_not_taken_for_a_dead_one() {
    let scene = Scene::start();
    let hook = "#!/bin/sh\necho ran >>\"$GIT_DIR/trace\"\nsleep 7\n";
    let known = scene.server.known_hosts_lines().join("\n");
    let mut settings = scene.ssh(scene.bare.url(), &known);
    settings.timeout = Duration::from_secs(20);
    scene.bare.git(&["config", "receive.keepAlive", "0"]).unwrap();
    let repo = Repo::open(settings).unwrap();
    let tip = repo.fetch().await.unwrap();
    scene.is_ready().await;
    scene.bare.hook("pre-receive", hook).unwrap();
    landed(&repo, tip, "1.0.1").await;
    let trace = std::fs::read_to_string(scene.bare.path().join("trace")).unwrap();
    assert_eq!(trace, "ran\n");
    assert_eq!(repo.counters().connections, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_showed_is_not_believed_when_the_branch_has_moved() {
    let scene = Scene::start();
    let repo = Repo::open(scene.ssh(scene.bare.url(), &scene.server.known_hosts_lines().join("\n"))).unwrap();
    let tip = repo.fetch().await.unwrap();
    scene.is_ready().await;
    let theirs = scene.bare.seed(&[("README.md", "# theirs\n")]).unwrap();
    let plan = bump(&repo, tip, "1.0.1").await;
    assert_eq!(repo.commit_and_push(vec![plan]).await.unwrap(), PushOutcome::Lost);
    assert_eq!(scene.bare.tip().unwrap().unwrap(), theirs);
    let tip = repo.fetch().await.unwrap();
    landed(&repo, tip, "1.0.1").await;
    // Somebody puts the branch back while one is ready that shows what we pushed.
    let tip = repo.fetch().await.unwrap();
    scene.is_ready().await;
    scene.bare.git(&["update-ref", "refs/heads/main", &theirs]).unwrap();
    let plan = bump(&repo, tip, "1.0.2").await;
    assert_eq!(repo.commit_and_push(vec![plan]).await.unwrap(), PushOutcome::Lost);
    assert_eq!(scene.bare.tip().unwrap().unwrap(), theirs);
    scene.landed_once(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_with_the_key_with_the_list_of_hosts_and_with_the_agent() {
    let scene = Scene::start();
    let list = scene.server.known_hosts_lines().join("\n");
    let mut settings = scene.ssh(scene.bare.url(), "");
    settings.host_keys = tidegate::git::HostKeys::File(scene.file("known_hosts", &list));
    let repo = Repo::open(settings).unwrap();
    let tip = repo.fetch().await.unwrap();
    scene.is_ready().await;

    let next = Arc::new(DeployKey::generate().unwrap_or_else(|error| panic!("{error}")));
    let line = next.public_line("tidegate");
    scene.server.authorize(&line, Access::ReadWrite).unwrap();
    repo.use_keys(next, None);
    scene.is_left_alone().await;
    let tip = landed(&repo, tip, "1.0.1").await;
    assert_eq!(repo.counters().connections, 2);
    scene.is_ready().await;

    let revoked = list
        .lines()
        .map(|line| format!("\n@revoked * {}", line.split_once(' ').unwrap().1));
    scene.file("known_hosts", &(list.clone() + &revoked.collect::<String>()));
    let plan = bump(&repo, tip, "1.0.2").await;
    let refused = repo.commit_and_push(vec![plan]).await.unwrap_err();
    assert!(refused.message.contains("is revoked by line"), "{}", refused.message);
    scene.is_left_alone().await;
    scene.file("known_hosts", &list);
    let tip: CommitId = landed(&repo, tip, "1.0.2").await;
    scene.is_ready().await;

    repo.stop();
    scene.is_left_alone().await;
    assert!(scene.bare.file_at("main", FILE).unwrap().contains("web:1.0.2"));
    assert_eq!(scene.bare.tip().unwrap().unwrap(), tip.to_string());
    scene.landed_once(3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_not_write_is_asked_once() {
    let scene = Scene::start();
    scene
        .server
        .authorize(&scene.key.public_line("tidegate"), Access::ReadOnly)
        .unwrap();
    let repo = Repo::open(scene.ssh(scene.bare.url(), &scene.server.known_hosts_lines().join("\n"))).unwrap();
    for _ in 0..4 {
        repo.fetch().await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert_eq!(repo.counters().channels, 4 + 1);
}
