//! A disk that does not answer any more, as a network volume whose server is gone: a call of the system does not return.

use super::world::{SOON, World};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tidegate_stack::ControlPlane;
use tidegate_stack::agent::Agent;

/// A thread of the repository may be silent for a minute, and through the waits for a server. The rest is for a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// The files below a folder whose whole content is this text.
fn files_with(folder: &Path, text: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let found = entries.flat_map(|entry| match entry.path() {
        path if path.is_dir() => files_with(&path, text),
        path if std::fs::read_to_string(&path).is_ok_and(|content| content.trim() == text) => vec![path],
        _ => Vec::new(),
    });
    found.collect()
}

/// Waits for an answer of the agent that is no success. Returns its text.
async fn failing(agent: &Agent, path: &str) -> String {
    let asked = async {
        loop {
            match agent.get(path).await.unwrap() {
                (503, text) => return text,
                (200, _) => tokio::time::sleep(Duration::from_millis(100)).await,
                other => panic!("{path}: {other:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_hangs_fails_the_liveness_probe_and_the_agent_ends_and_starts_again() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut world = World::prepare(&cluster, "hung", "1111aaa").await;
    world.ecr.push_tag("shop/web", "1111aaa").unwrap();
    let hasty = |options: &mut tidegate_stack::agent::Options| {
        options.poll = "1s".into();
        options.repo_more = "  timeout: 1s\n".into();
    };
    world.agent.configure(hasty).unwrap();
    world.agent.run().await.unwrap();
    world.runs("1111aaa").await;
    assert_eq!(world.agent.get("/healthz").await.unwrap(), (200, "ok\n".to_owned()));

    // To open a pipe that nobody writes to takes for ever.
    let tip = world.repo.tip().unwrap().unwrap();
    let references = files_with(&world.agent.state_dir(), &tip);
    assert!(!references.is_empty());
    for reference in &references {
        std::fs::remove_file(reference).unwrap();
        assert!(Command::new("mkfifo").arg(reference).status().unwrap().success());
    }
    let stuck = failing(&world.agent, "/healthz").await;
    assert!(stuck.contains("git-remote: it has made no progress for "), "{stuck}");
    assert_eq!(failing(&world.agent, "/readyz").await, "config repo\n");
    let status = world.agent.ask(&["status", "-o", "json"]).await;
    let status = status.unwrap_err().to_string();
    assert!(status.contains("worker hangs (git-remote"), "{status}");
    let log = world.agent.log();
    assert!(log.contains("the liveness probe fails until it goes on"), "{log}");

    // The kubelet ends the container, and starts it again.
    world.agent.stop().await.unwrap();
    for reference in &references {
        std::fs::remove_file(reference).unwrap();
    }
    world.agent.run().await.unwrap();
    let healthy = tokio::time::timeout(SOON, world.agent.get("/healthz")).await;
    assert_eq!(healthy.unwrap().unwrap().0, 200);
}
