//! Who sets the number of replicas: git, or an autoscaler.

use super::scene::{Target, deployment};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use tidegate_stack::ControlPlane;

fn with_replicas(kind: &str, name: &str, replicas: Option<i32>) -> Value {
    let mut object = deployment(name, "1");
    object["kind"] = json!(kind);
    match replicas {
        Some(replicas) => object["spec"]["replicas"] = json!(replicas),
        None => drop(object["spec"].as_object_mut().unwrap().remove("replicas")),
    }
    object
}

/// What a HorizontalPodAutoscaler does.
async fn scale(target: &Target, name: &str, replicas: i32) {
    let params = PatchParams {
        field_manager: Some("kube-controller-manager".into()),
        ..PatchParams::default()
    };
    let scale = Patch::Merge(json!({"spec": {"replicas": replicas}}));
    target
        .api::<Deployment>()
        .patch_scale(name, &params, &scale)
        .await
        .unwrap();
}

#[tokio::test]
async fn replicas_that_leave_git_keep_their_value_until_somebody_scales() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-replicas").await;
    let objects = |replicas: Option<i32>| {
        vec![
            with_replicas("Deployment", "web", replicas),
            with_replicas("StatefulSet", "db", replicas),
        ]
    };
    for restarts in [false, true] {
        let before = target.plain(objects(Some(6)));
        assert!(target.pass(&before).await.is_in_sync());
        target.pass_until(&before, |report| report.requests == 0).await;
        if restarts {
            target.restart(&control_plane).await;
        }
        let after = target.plain(objects(None));
        let report = target.pass(&after).await;
        assert!(report.is_in_sync(), "{report:#?}");
        let (web, db) = (target.api::<Deployment>(), target.api::<StatefulSet>());
        let live = web.get("web").await.unwrap();
        assert_eq!(
            (live.spec.replicas, live.metadata.generation),
            (Some(6), before_generation(restarts)),
            "never 1"
        );
        assert_eq!(db.get("db").await.unwrap().spec.replicas, Some(6));
        scale(&target, "web", 4).await;
        let report = target.pass_until(&after, |report| report.requests == 0).await;
        assert_eq!(
            report.untouched, 2,
            "the autoscaler's value is nobody's drift: {report:#?}"
        );
        assert_eq!(web.get("web").await.unwrap().spec.replicas, Some(4));
    }
}

/// Created; scaled to 4, and back to 6.
fn before_generation(restarts: bool) -> Option<i64> {
    Some(if restarts { 3 } else { 1 })
}

#[tokio::test]
async fn an_autoscaler_that_git_fights_is_named_with_the_field() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-fight").await;
    let declared = target.plain(vec![with_replicas("Deployment", "web", Some(6))]);
    target.pass(&declared).await;
    target.pass_until(&declared, |report| report.requests == 0).await;
    for _ in 0..5 {
        scale(&target, "web", 4).await;
        target.pass_until(&declared, |report| !report.applied.is_empty()).await;
        target.pass_until(&declared, |report| report.requests == 0).await;
    }
    let problems = target.pass(&declared).await.problems();
    let told = "kube-controller-manager keeps changing spec.replicas back; take `replicas` out of the manifest";
    assert!(problems.iter().any(|problem| problem.contains(told)), "{problems:#?}");
    let corrected = target.plain(vec![with_replicas("Deployment", "web", None)]);
    target.pass(&corrected).await;
    let report = target.pass_until(&corrected, |report| report.requests == 0).await;
    assert!(report.problems().is_empty(), "{report:#?}");
}
