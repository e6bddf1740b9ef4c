//! How far a commit has come, and the pod's own reason where a workload does not become ready.

use super::scene::{Target, config_map, definition, deployment, widget};
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams};
use serde_json::json;
use tidegate::model::{ObjectId, TargetId};
use tidegate::port::ObjectHealths;
use tidegate::resource::{CommitHealth, FaultKind, Health};
use tidegate::sync::SyncReport;
use tidegate_stack::ControlPlane;

fn has_fault(report: &SyncReport, kind: FaultKind) -> bool {
    report.faults.values().flatten().any(|fault| fault.kind == kind)
}

#[tokio::test]
async fn a_commit_becomes_healthy_and_the_health_of_its_workload_is_that_of_its_image() {
    let control_plane = ControlPlane::shared_with_pods().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-health").await;
    let healths = ObjectHealths::default();
    let syncer = target.syncer;
    target.syncer = syncer.publishing(healths.clone());
    let web = ObjectId::new("apps/v1", "Deployment", Some("sync-health"), "web");
    let declared = target.plain(vec![config_map("settings", "1"), deployment("web", "1")]);
    let first = target.pass(&declared).await;
    assert_eq!(
        first.health,
        Some(CommitHealth::Applied),
        "nothing is ready within the pass"
    );
    target
        .pass_until(&declared, |report| report.health == Some(CommitHealth::Healthy))
        .await;
    let known = healths.object(&TargetId::here(), &web).unwrap();
    assert_eq!(
        (known.image("app"), &known.health),
        (Some("example.com/app:1"), &Health::Ready)
    );
    let before = target.requests();
    target.pass(&declared).await;
    assert_eq!(target.requests(), before, "health costs no request");

    let next = target.plain(vec![config_map("settings", "1"), deployment("web", "2-unpullable")]);
    let report = target
        .pass_until(&next, |report| has_fault(report, FaultKind::Image))
        .await;
    let (id, health) = report.unready.first().unwrap();
    assert_eq!(id, &web);
    let message = health.to_string();
    println!("{message}");
    assert!(
        message.contains("container app: the image example.com/app:2-unpullable cannot be pulled"),
        "{message}"
    );
    let known = healths.object(&TargetId::here(), &web).unwrap();
    assert_eq!(
        (known.image("app"), known.ready_since()),
        (Some("example.com/app:2-unpullable"), None)
    );
    assert_eq!(known.pods[0].kind, FaultKind::Image);

    let mended = target.plain(vec![config_map("settings", "1"), deployment("web", "3")]);
    target
        .pass_until(&mended, |report| report.health == Some(CommitHealth::Healthy))
        .await;
    let known = healths.object(&TargetId::here(), &web).unwrap();
    assert_eq!((known.pods.len(), known.commit), (0, mended.commit));
}

#[tokio::test]
async fn crashes_quotas_and_pods_without_a_node_are_named() {
    let control_plane = ControlPlane::shared_with_pods().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-faults").await;
    let mut homeless = deployment("homeless", "1");
    homeless["spec"]["template"]["spec"]["nodeSelector"] = json!({"disk": "none-has-this"});
    let mut set = deployment("set", "1-crash");
    set["kind"] = json!("StatefulSet");
    set["spec"]["serviceName"] = json!("set");
    let declared = target.plain(vec![homeless, deployment("crash", "1-crash"), set]);
    let report = target.pass_until(&declared, |report| report.faults.len() == 3).await;
    let message = |name: &str| {
        let found = report.unready.iter().find(|(id, _)| id.name == name);
        found.map(|(_, health)| health.to_string()).unwrap_or_default()
    };
    println!("{:#?}", report.unready);
    assert!(
        message("homeless").contains("it is not scheduled: 0/"),
        "{}",
        message("homeless")
    );
    for name in ["crash", "set"] {
        assert!(
            message(name).contains("container app: it crashes again and again (exit code 1)"),
            "{}",
            message(name)
        );
    }

    let quota: ResourceQuota =
        serde_json::from_value(json!({"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}})).unwrap();
    let quotas: Api<ResourceQuota> = target.api();
    quotas.create(&PostParams::default(), &quota).await.unwrap();
    let mut over = deployment("over", "1");
    over["kind"] = json!("StatefulSet");
    over["spec"]["serviceName"] = json!("over");
    let declared = target.plain(vec![deployment("refused", "1"), over]);
    let report = target
        .pass_until(&declared, |report| {
            report
                .faults
                .values()
                .flatten()
                .filter(|fault| fault.kind == FaultKind::NotCreated)
                .count()
                == 2
        })
        .await;
    println!("{:#?}", report.unready);
    for (_, health) in &report.unready {
        assert!(health.to_string().contains("exceeded quota: none"), "{health}");
    }
}

#[tokio::test]
async fn a_custom_resource_is_as_healthy_as_its_conditions_say() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-conditions").await;
    let group = "conditions.example.com";
    let mut definition = definition();
    definition["metadata"]["name"] = json!(format!("widgets.{group}"));
    definition["spec"]["group"] = json!(group);
    let version = &mut definition["spec"]["versions"][0];
    version["subresources"] = json!({"status": {}});
    version["schema"]["openAPIV3Schema"]["properties"]["status"] =
        json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let mut widget = widget("sync-conditions");
    widget["apiVersion"] = json!(format!("{group}/v1"));
    let declared = target.plain(vec![definition, widget]);
    target
        .pass_until(&declared, |report| report.health == Some(CommitHealth::Healthy))
        .await;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", "Widget"));
    let widgets: Api<DynamicObject> = Api::namespaced_with(target.client.clone(), "sync-conditions", &kind);
    let say = async |conditions: serde_json::Value| {
        let status = json!({"status": {"observedGeneration": 1, "conditions": conditions}});
        let params = PatchParams::default();
        widgets
            .patch_status("w", &params, &Patch::Merge(&status))
            .await
            .unwrap();
    };
    say(json!([{"type": "Ready", "status": "False", "reason": "NoDisk", "message": "no disk yet"}])).await;
    let report = target.pass_until(&declared, |report| !report.unready.is_empty()).await;
    assert_eq!(report.health, Some(CommitHealth::Applied));
    assert_eq!(report.unready[0].1, Health::Progressing("no disk yet".into()));
    say(json!([{"type": "Stalled", "status": "True", "reason": "Broken", "message": "the size is odd"}])).await;
    let report = target
        .pass_until(&declared, |report| report.health == Some(CommitHealth::Degraded))
        .await;
    assert!(report.problems().join("\n").contains("the size is odd"));
    say(json!([{"type": "Ready", "status": "True"}])).await;
    target
        .pass_until(&declared, |report| report.health == Some(CommitHealth::Healthy))
        .await;
}
