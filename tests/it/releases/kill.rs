//! Processes that are killed at any point.

use super::scene::{Scene, chart};
use std::time::Duration;
use tidegate_stack::ControlPlane;

/// How often; `CYCLES` sets another number.
fn cycles() -> u64 {
    std::env::var("CYCLES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(4)
}

#[tokio::test]
async fn an_agent_that_is_killed_while_helm_works_leaves_no_release_pending_and_no_revision_doubled() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::start(
        &cluster,
        "rel-kill",
        chart(&[]),
        "  maxHistory: 0\n  values: {text: one}\n",
    )
    .await;
    scene.settled("Succeeded", "one").await;
    for cycle in 0..cycles() {
        scene.declare(&format!("  maxHistory: 0\n  values: {{text: value-{cycle}}}\n"));
        let trying = async |scene: &Scene| scene.status().await["phase"].as_str().map(str::to_owned);
        scene
            .until("an upgrade", trying, |phase| phase.as_deref() == Some("Upgrading"))
            .await;
        tokio::time::sleep(Duration::from_millis(cycle * 37 % 250)).await;
        scene.agent.kill();
        scene.agent.run().await.unwrap();
        scene.settled("Succeeded", &format!("value-{cycle}")).await;
        let history = scene.history();
        let deployed: Vec<_> = history.iter().filter(|(_, status)| status == "deployed").collect();
        assert_eq!(deployed.len(), 1, "{history:?}");
        assert!(
            !history.iter().any(|(_, status)| status.starts_with("pending")),
            "{history:?}"
        );
        let numbers: Vec<u64> = history.iter().map(|(number, _)| *number).collect();
        assert_eq!(
            numbers,
            (1..=numbers.len() as u64).collect::<Vec<_>>(),
            "no revision is lost or doubled"
        );
    }
}

/// A hook that never ends: nothing in this cluster runs Jobs.
const HOOK: &str = "apiVersion: batch/v1
kind: Job
metadata:
  name: before-the-end
  annotations: {helm.sh/hook: pre-delete}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: wait, image: wait}]
";

#[tokio::test]
async fn a_helmrelease_that_comes_back_while_its_release_is_uninstalled_by_an_agent_that_is_killed_is_upgraded_at_once()
{
    let cluster = ControlPlane::shared().await.unwrap();
    let chart = chart(&[("templates/hook.yaml", HOOK)]);
    let mut scene = Scene::start(&cluster, "rel-returns", chart, "  values: {text: one}\n").await;
    scene.settled("Succeeded", "one").await;
    scene.person.pull().unwrap();
    scene.person.remove("web.yaml").unwrap();
    scene.person.commit("remove the release").unwrap();
    scene.person.push().unwrap();
    let newest = async |scene: &Scene| scene.history().pop().map(|(_, status)| status);
    let is_going = |status: &Option<String>| status.as_deref() == Some("uninstalling");
    scene.until("an uninstall", newest, is_going).await;
    scene.agent.kill();
    scene.declare("  values: {text: two}\n");
    scene.agent.run().await.unwrap();
    // Somebody else's uninstall would be awaited for eleven minutes.
    scene.settled("Succeeded", "two").await;
    let history = scene.history();
    assert_eq!(
        history.last().map(|(_, status)| status.as_str()),
        Some("deployed"),
        "{history:?}"
    );
}
