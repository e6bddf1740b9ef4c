//! `Syncer::diff` on a real server: defaults and webhooks count, Secrets stay secret, and nothing is written.

use super::scene::{Target, config_map, deployment, service};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tidegate::sync::Approval;
use tidegate_stack::ControlPlane;

fn secret(value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": null}, "stringData": {"password": value}})
}

#[tokio::test]
async fn each_field_that_an_apply_would_change_is_named_and_no_value_of_a_secret_is() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-diff").await;
    let objects = vec![
        config_map("old", "1"),
        config_map("same", "1"),
        secret("hunter2"),
        service("web"),
        deployment("web", "1"),
    ];
    let declared = target.plain(objects.clone());
    target.pass(&declared).await;
    target
        .pass_until(&declared, |report| report.untouched == objects.len())
        .await;

    target.restart(&control_plane).await;
    let same = target
        .syncer
        .diff(&declared, Approval::default(), &[1; 16])
        .await
        .unwrap();
    assert!(!same.has_differences(), "{same}");
    assert_eq!(
        (same.unchanged, same.failed.len()),
        (5, 0),
        "defaults of the server are no differences"
    );

    // Somebody edits, and the next commit changes, adds and removes.
    let edit = json!({"spec": {"replicas": 4, "paused": true}});
    let params = PatchParams {
        field_manager: Some("kubectl-edit".into()),
        ..PatchParams::default()
    };
    let web: Deployment = target.api().patch("web", &params, &Patch::Merge(&edit)).await.unwrap();
    let login = target.api::<Secret>().get("login").await.unwrap();
    let mut bad = service("bad");
    bad["spec"]["ports"][0]["port"] = json!(99_999);
    let next = vec![
        config_map("new", "1"),
        config_map("same", "1"),
        secret("swordfish"),
        service("web"),
        deployment("web", "2"),
        bad,
    ];
    let next = target.plain(next);
    target.restart(&control_plane).await;
    let diff = target.syncer.diff(&next, Approval::default(), &[1; 16]).await.unwrap();
    let text = diff.to_string();
    println!("{text}");
    for part in [
        "! workloads/0005.yaml: Service sync-diff/bad: ",
        "+ ConfigMap sync-diff/new (workloads/0000.yaml)\n",
        "Secret sync-diff/login (workloads/0002.yaml)\n  ~ data.password: (hash ",
        "Deployment sync-diff/web (workloads/0004.yaml)\n",
        "  ~ spec.replicas: 4 -> 1\n",
        "  ~ spec.template.spec.containers[app].image: \"example.com/app:1\" -> \"example.com/app:2\"\n",
        "- ConfigMap sync-diff/old\n",
        "2 objects are as declared\n",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let json = serde_json::to_string(&diff).unwrap();
    for value in ["hunter2", "swordfish", "aHVudGVyMg", "c3dvcmRmaXNo"] {
        assert!(!text.contains(value) && !json.contains(value), "{value} is in\n{text}");
    }
    assert!(!text.contains("managedFields") && !text.contains("status."), "{text}");
    let version = async |name: &str| target.api::<Deployment>().get(name).await.unwrap().resource_version();
    assert_eq!(version("web").await, web.resource_version());
    let now = target.api::<Secret>().get("login").await.unwrap();
    assert_eq!(now.resource_version(), login.resource_version());
}
