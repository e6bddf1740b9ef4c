//! States of Helm's storage that other tools leave to a person.

use super::scene::{Scene, chart};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use k8s_openapi::ByteString;
use kube::api::PostParams;
use std::io::{Read as _, Write as _};
use tidegate_stack::ControlPlane;

/// Sets the status of a revision, as a helm that was cut off leaves it.
async fn set_status(scene: &Scene, revision: u32, status: &str, is_old: bool) {
    let name = format!("sh.helm.release.v1.web.v{revision}");
    let mut secret = scene.secrets().get(&name).await.unwrap();
    let data = secret.data.as_mut().unwrap();
    let packed = BASE64_STANDARD.decode(&data["release"].0).unwrap();
    let mut json = String::new();
    flate2::read::GzDecoder::new(packed.as_slice())
        .read_to_string(&mut json)
        .unwrap();
    let mut release: serde_json::Value = serde_json::from_str(&json).unwrap();
    release["info"]["status"] = status.into();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(release.to_string().as_bytes()).unwrap();
    let text = BASE64_STANDARD.encode(packed.finish().unwrap());
    data.insert("release".to_owned(), ByteString(text.into_bytes()));
    let labels = secret.metadata.labels.as_mut().unwrap();
    labels.insert("status".to_owned(), status.to_owned());
    if is_old {
        // Nobody works for an hour on one operation.
        let old = (jiff::Timestamp::now().as_second() - 3600).to_string();
        labels.insert("modifiedAt".to_owned(), old.clone());
        labels.insert("createdAt".to_owned(), old);
    }
    scene
        .secrets()
        .replace(&name, &PostParams::default(), &secret)
        .await
        .unwrap();
}

#[tokio::test]
async fn every_state_that_a_cut_off_helm_leaves_is_led_out_without_a_purge() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::start(&cluster, "rel-states", chart(&[]), "  values: {text: one}\n").await;
    scene.settled("Succeeded", "one").await;
    let map = scene.maps().get("web").await.unwrap().metadata.uid;
    for status in [
        "pending-install",
        "pending-upgrade",
        "pending-rollback",
        "uninstalling",
        "failed",
        "superseded",
        "unknown",
    ] {
        let (newest, _) = *scene
            .history()
            .last()
            .as_ref()
            .map(|(number, status)| (*number, status))
            .as_ref()
            .unwrap();
        set_status(&scene, u32::try_from(newest).unwrap(), status, true).await;
        let is_out = |history: &Vec<(u64, String)>| {
            history
                .last()
                .is_some_and(|(number, status)| *number > newest && status == "deployed")
        };
        scene.until(status, async |scene| scene.history(), is_out).await;
        scene.settled("Succeeded", "one").await;
        assert_eq!(
            scene.maps().get("web").await.unwrap().metadata.uid,
            map,
            "{status}: nothing is deleted"
        );
    }
    assert_eq!(scene.history().first().unwrap().0, 1, "the history is kept");
}

#[tokio::test]
async fn a_chart_that_fails_is_tried_a_few_times_and_a_better_one_at_once() {
    let cluster = ControlPlane::shared().await.unwrap();
    let mut scene = Scene::start(&cluster, "rel-fails", chart(&[]), "  values: {text: one}\n").await;
    scene.settled("Succeeded", "one").await;
    // The API server refuses the second object.
    let bad = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_A_Name}\n";
    let broken = scene.commit(&[("charts/web/templates/bad.yaml", bad)]);
    let failed = scene.settled("DeployFailed", "one").await;
    assert_eq!(failed["lastAttemptedRevision"], broken.as_str());
    assert_ne!(failed["revision"], broken.as_str());
    let twice = |status: &serde_json::Value| status["tries"]["failures"].as_u64() >= Some(2);
    scene
        .until("the second try", async |scene| scene.status().await, twice)
        .await;
    scene.person.pull().unwrap();
    scene.person.revert(&broken).unwrap();
    scene.person.push().unwrap();
    let status = scene.settled("Succeeded", "one").await;
    assert_eq!(status["tries"]["failures"], 0);
}

#[tokio::test]
async fn a_failed_upgrade_is_rolled_back_once_and_stays_there_until_something_changes() {
    let cluster = ControlPlane::shared().await.unwrap();
    let spec = "  wait: false\n  rollback: {enable: true}\n  values: {text: one}\n";
    let mut scene = Scene::start(&cluster, "rel-rollback", chart(&[]), spec).await;
    scene.settled("Succeeded", "one").await;
    let hook = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Not_A_Name}\n";
    scene.commit(&[
        ("charts/web/templates/bad.yaml", hook),
        ("charts/web/values.yaml", "text: x\nother: bad\n"),
    ]);
    let status = scene.settled("RolledBack", "one").await;
    assert_eq!(status["rollbackCount"], 1);
    let words: Vec<String> = scene
        .history()
        .into_iter()
        .map(|(number, status)| format!("{number} {status}"))
        .collect();
    assert_eq!(words, ["1 superseded", "2 failed", "3 deployed"]);
    assert_eq!(scene.live("other").await.as_deref(), Some("of the chart"));
    // A restart knows it, too.
    scene.agent.stop().await.unwrap();
    scene.agent.run().await.unwrap();
    scene.agent.ask(&["sync"]).await.unwrap();
    assert_eq!(scene.history().len(), 3);
    scene.declare("  rollback: {enable: true}\n  values: {text: two}\n");
    scene.commit(&[("charts/web/templates/bad.yaml", "")]);
    scene.settled("Succeeded", "two").await;
}
