//! What a commit brings: applied once, in order, and nothing sent when nothing changed.

use super::scene::{Target, config_map, definition, deployment, service, widget};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};
use tidegate::sync::{Approval, Change};
use tidegate_stack::ControlPlane;
use tidegate_stack::control_plane::Options;

#[tokio::test]
async fn a_commit_is_applied_and_the_same_commit_again_sends_nothing() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-apply").await;
    let declared = target.plain(vec![deployment("web", "1"), service("web"), config_map("web", "a")]);

    let report = target.pass(&declared).await;
    assert!(report.is_in_sync(), "{report:#?}");
    assert_eq!(report.count(Change::Created), 3);
    let live = target.api::<Deployment>().get("web").await.unwrap();
    assert_eq!(
        live.spec.template.spec.unwrap().containers[0].image.as_deref(),
        Some("example.com/app:1")
    );

    let before = target.requests();
    for _ in 0..5 {
        let report = target.pass(&declared).await;
        assert_eq!((report.untouched, report.requests), (3, 0), "{report:#?}");
    }
    assert_eq!(target.requests(), before);

    let bumped = target.plain(vec![deployment("web", "2"), service("web"), config_map("web", "a")]);
    let report = target.pass(&bumped).await;
    assert_eq!(report.count(Change::Configured), 1, "{report:#?}");
    assert_eq!(report.applied.len(), 1);
    assert_eq!(report.untouched, 2);
}

#[tokio::test]
async fn keys_without_a_value_are_dropped_as_kubectl_drops_them() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-nulls").await;
    let mut map = config_map("web", "a");
    map["metadata"]["annotations"] = Value::Null;
    map["data"]["gone"] = Value::Null;
    let mut web = deployment("web", "1");
    let container = &mut web["spec"]["template"]["spec"]["containers"][0];
    container["resources"] = json!({"limits": {"cpu": null, "memory": "1Gi"}, "requests": null});
    container["env"] = json!([{"name": "EMPTY", "value": null}]);
    let declared = target.plain(vec![map, web]);

    let report = target.pass(&declared).await;
    assert!(report.is_in_sync(), "{report:#?}");
    let live = target.api::<ConfigMap>().get("web").await.unwrap();
    assert_eq!(live.data.unwrap().into_keys().collect::<Vec<_>>(), ["key"]);
    let live = target.api::<Deployment>().get("web").await.unwrap();
    let container = live.spec.template.spec.unwrap().containers.remove(0);
    let limits = container.resources.unwrap().limits.unwrap();
    assert_eq!(limits.into_keys().collect::<Vec<_>>(), ["memory"]);
    assert_eq!(container.env.unwrap()[0].name, "EMPTY");
    let report = target.pass_until(&declared, |report| report.requests == 0).await;
    assert_eq!(report.untouched, 2, "{report:#?}");
}

#[tokio::test]
async fn a_definition_its_namespace_and_its_objects_go_in_one_commit_in_any_order() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut target = Target::on(&control_plane, "sync-waves").await;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "sync-waves-new"}});
    let declared = target.plain(vec![widget("sync-waves-new"), namespace, definition()]);
    let preview = target.syncer.preview(&declared, Approval::default()).await.unwrap();
    assert!(
        preview.failed.is_empty() && preview.objects.iter().all(|object| object.change == Change::Created),
        "a plan for a fresh cluster reports no failure: {preview}"
    );
    assert_eq!(preview.objects.len(), 3);
    let report = target.pass(&declared).await;
    println!(
        "definition, namespace and object in {:?}, {} requests",
        report.took, report.requests
    );
    assert!(report.is_in_sync(), "{report:#?}");
    assert_eq!(report.count(Change::Created), 3);
    let report = target.pass_until(&declared, |report| report.requests == 0).await;
    assert_eq!(report.untouched, 3, "{report:#?}");
}

#[tokio::test]
async fn a_thousand_objects_are_applied_and_a_one_line_commit_sends_one_apply() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut target = Target::on(&control_plane, "sync-thousand").await;
    let mut objects: Vec<Value> = (0..1000).map(|n| config_map(&format!("c{n}"), "1")).collect();
    let declared = target.plain(objects.clone());
    let report = target.pass(&declared).await;
    println!(
        "1,000 objects created in {:?}, {} requests",
        report.took, report.requests
    );
    assert!(report.requests <= 1_010, "{}", report.requests);
    target.pass_until(&declared, |report| report.requests == 0).await;
    objects[500] = config_map("c500", "2");
    let declared = target.plain(objects.clone());
    let report = target.pass(&declared).await;
    println!("one-line commit in {:?}, {} requests", report.took, report.requests);
    assert_eq!(report.applied.len(), 1);
    assert_eq!(report.requests, 2, "one for the object, one for the record");
    let report = target.pass_until(&declared, |report| report.requests == 0).await;
    println!("nothing to do in {:?}", report.took);
    target.restart(&control_plane).await;
    let report = target.pass(&declared).await;
    println!(
        "after a restart {:?}, {} requests, {} unchanged",
        report.took,
        report.requests,
        report.count(Change::Unchanged)
    );
    assert_eq!(report.count(Change::Unchanged), 1_000);
}

#[tokio::test]
async fn idle_passes_over_200_objects_send_nothing_for_any_object() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut target = Target::on(&control_plane, "sync-idle").await;
    let declared = target.plain((0..200).map(|n| deployment(&format!("d{n}"), "1")).collect());
    target.pass(&declared).await;
    target.pass_until(&declared, |report| report.requests == 0).await;
    let mark = control_plane.audit_mark();
    for _ in 0..60 {
        target.pass(&declared).await;
    }
    let requests = control_plane.requests_since(&mark).await.unwrap();
    let ours = requests
        .iter()
        .filter(|request| request.user_agent.starts_with("tidegate/"))
        .count();
    println!("{ours} requests in 60 idle passes over 200 objects");
    assert_eq!(ours, 0);
}
