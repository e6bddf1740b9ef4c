//! A process that starts on a cluster that is as declared sends no write to it.

use super::scene::{Target, config_map, deployment, service};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use std::time::Duration;
use tidegate::port::{RecordStore as _, TargetState};
use tidegate_stack::ControlPlane;

/// The process keeps what it knows of its applies, which it does some seconds after them, and another one starts.
async fn end_and_start(target: &mut Target, control_plane: &ControlPlane, declared: &TargetState) {
    let (marks, record) = target.syncer.marks();
    while record.read_marks().await.unwrap().len() < declared.objects.len() {
        marks.store(&*record).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    target.restart(control_plane).await;
}

#[tokio::test]
async fn a_restart_on_objects_as_declared_sends_no_write_and_repairs_what_was_changed_meanwhile() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-marks").await;
    let mut objects: Vec<Value> = (0..40).map(|n| config_map(&format!("c{n}"), "1")).collect();
    objects.extend([service("web"), deployment("web", "1"), deployment("api", "1")]);
    let declared = target.plain(objects);
    assert!(target.pass(&declared).await.is_in_sync());
    target.pass_until(&declared, |report| report.requests == 0).await;

    end_and_start(&mut target, &control_plane, &declared).await;
    let mark = control_plane.audit_mark();
    let report = target.pass(&declared).await;
    assert!(report.is_in_sync(), "{report:#?}");
    assert_eq!((report.untouched, report.applied.len()), (43, 0), "{report:#?}");
    let writes = control_plane.requests_since(&mark).await.unwrap();
    let is_member = |namespace: &str| namespace == "sync-marks";
    let writes = writes
        .iter()
        .filter(|request| is_member(&request.namespace) && request.verb == "patch");
    assert_eq!(writes.count(), 0);

    end_and_start(&mut target, &control_plane, &declared).await;
    let params = PatchParams {
        field_manager: Some("kubectl-edit".into()),
        ..PatchParams::default()
    };
    let edit = Patch::Merge(json!({"data": {"key": "edited"}}));
    target.api::<ConfigMap>().patch("c7", &params, &edit).await.unwrap();
    let api = target.api::<Deployment>();
    let mut live = api.get("web").await.unwrap();
    live.metadata.managed_fields = None;
    live.spec.template.spec.as_mut().unwrap().containers[0].image = Some("example.com/app:evil".into());
    api.replace("web", &Default::default(), &live).await.unwrap();
    let report = target.pass(&declared).await;
    assert_eq!(report.applied.len(), 2, "{report:#?}");
    let live = api.get("web").await.unwrap();
    let pod = live.spec.template.spec.unwrap();
    assert_eq!(pod.containers[0].image.as_deref(), Some("example.com/app:1"));
}
