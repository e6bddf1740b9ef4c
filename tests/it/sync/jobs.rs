//! A Job that has run and that its TTL removed.

use super::scene::Target;
use k8s_openapi::api::batch::v1::Job;
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};
use tidegate::resource::{Drift, Intent};
use tidegate::sync::Change;
use tidegate_stack::ControlPlane;

fn job(name: &str, tag: &str) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": null},
        "spec": {"ttlSecondsAfterFinished": 0, "template": {"spec": {"restartPolicy": "Never",
            "containers": [{"name": "app", "image": format!("example.com/app:{tag}")}]}}}})
}

/// What the Job controller and the TTL controller do.
async fn finish_and_remove(target: &Target, name: &str, outcome: &str) {
    let time = "2026-01-01T00:00:00Z";
    let (before, completion) = match outcome {
        "Complete" => ("SuccessCriteriaMet", json!(time)),
        _ => ("FailureTarget", Value::Null),
    };
    let condition =
        |name: &str| json!({"type": name, "status": "True", "lastTransitionTime": time, "lastProbeTime": time});
    let status = json!({"status": {"startTime": time, "completionTime": completion,
        "conditions": [condition(before), condition(outcome)]}});
    let jobs = target.api::<Job>();
    jobs.patch_status(name, &PatchParams::default(), &Patch::Merge(&status))
        .await
        .unwrap();
    jobs.delete(name, &DeleteParams::background()).await.unwrap();
}

#[tokio::test]
async fn a_job_that_has_run_does_not_run_again_when_its_ttl_removed_it() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-jobs").await;
    let ignore = Intent {
        drift: Drift::Ignore,
        ..Intent::default()
    };
    let objects = |tag: &str| {
        vec![
            (job("repaired", tag), Intent::default()),
            (job("ignored", tag), ignore.clone()),
            (job("failed", tag), Intent::default()),
        ]
    };
    let declared = target.commit(objects("1"));
    let report = target.pass(&declared).await;
    assert_eq!(report.count(Change::Created), 3, "{report:#?}");
    for (name, outcome) in [("repaired", "Complete"), ("ignored", "Complete"), ("failed", "Failed")] {
        finish_and_remove(&target, name, outcome).await;
    }
    let jobs = target.api::<Job>();
    for restarts in [false, true] {
        if restarts {
            target.restart(&control_plane).await;
        }
        let report = target.pass_until(&declared, |report| report.requests == 0).await;
        assert_eq!((report.untouched, report.applied.len()), (3, 0), "{report:#?}");
        assert!(jobs.list(&Default::default()).await.unwrap().items.is_empty());
    }
    let changed = target.commit(objects("2"));
    let report = target.pass(&changed).await;
    assert_eq!(
        report.count(Change::Created),
        3,
        "a changed manifest is another run: {report:#?}"
    );
}
