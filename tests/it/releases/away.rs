//! An API server that goes away and comes back.

use super::scene::{Scene, chart};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use tidegate_stack::ControlPlane;
use tidegate_stack::control_plane::Options;
use tidegate_stack::relay::{Direction, Ending, Relay};

/// A release with values of a ConfigMap `base`.
fn from_base(text: &str) -> String {
    format!("  valuesFrom:\n  - configMapKeyRef: {{name: base}}\n  values: {{text: {text}}}\n")
}

/// Makes `base`, and waits for the release.
async fn begin(scene: &mut Scene) {
    let base = ConfigMap {
        metadata: ObjectMeta {
            name: Some("base".to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([("values.yaml".to_owned(), "other: base\n".to_owned())])),
        ..ConfigMap::default()
    };
    let make = async |scene: &Scene| scene.maps().create(&PostParams::default(), &base).await.is_ok();
    scene.until("the namespace", make, |is_made| *is_made).await;
    scene.settled("Succeeded", "one").await;
}

/// Waits until the agent says that the server does not answer.
async fn stands_still(scene: &mut Scene) {
    let status = async |scene: &Scene| match scene.agent.ask(&["status"]).await {
        Ok(text) => text,
        Err(error) => error.to_string(),
    };
    let is_off = |text: &String| text.contains("HelmReleases are not carried out");
    scene.until("the loop to stand still", status, is_off).await;
}

/// A commit and a change of the source lead to an upgrade each.
async fn goes_on(scene: &mut Scene) {
    scene.declare(&from_base("two"));
    scene.settled("Succeeded", "two").await;
    let change = Patch::Merge(json!({"data": {"values.yaml": "other: newer\n"}}));
    scene
        .maps()
        .patch("base", &PatchParams::default(), &change)
        .await
        .unwrap();
    let other = async |scene: &Scene| scene.live("other").await;
    scene
        .until("the ConfigMap's change", other, |text| text.as_deref() == Some("newer"))
        .await;
    scene.settled("Succeeded", "two").await;
    assert_eq!(scene.history().len(), 3);
}

/// A server of its own: it is stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn releases_are_carried_out_again_once_an_api_server_that_was_stopped_answers() {
    let cluster = ControlPlane::start(Options::default()).await.unwrap();
    let mut scene = Scene::start(&cluster, "rel-away", chart(&[]), &from_base("one")).await;
    begin(&mut scene).await;
    cluster.stop_api_server();
    stands_still(&mut scene).await;
    cluster.start_api_server().await.unwrap();
    goes_on(&mut scene).await;
}

/// The server has kept the version that each watch stood at, so that no watch would have to list again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn releases_are_carried_out_again_once_a_network_that_was_cut_is_back() {
    let cluster = ControlPlane::shared().await.unwrap();
    let relay = Relay::start(cluster.address()).unwrap();
    let mut scene = Scene::prepare(&cluster, "rel-cut", chart(&[]), &from_base("one")).await;
    let kubeconfig = fs::read_to_string(cluster.kubeconfig()).unwrap();
    let through_relay = kubeconfig.replace(&cluster.address().to_string(), &relay.addr().to_string());
    assert_ne!(kubeconfig, through_relay);
    let file = scene.agent.dir().join("through-relay.yaml");
    fs::write(&file, through_relay).unwrap();
    scene
        .agent
        .configure(|options| options.kubeconfig = Some(file))
        .unwrap();
    scene.agent.run().await.unwrap();
    begin(&mut scene).await;
    relay.cut_every(Direction::ToClient, 0, Ending::Reset);
    relay.reset();
    stands_still(&mut scene).await;
    relay.heal();
    goes_on(&mut scene).await;
}
