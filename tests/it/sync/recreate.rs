//! Objects whose change the server refuses because a field is immutable.

use super::scene::{Target, service};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod, Secret, Service};
use kube::ResourceExt;
use kube::api::PostParams;
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};
use tidegate::resource::Intent;
use tidegate::sync::{Approval, Change, SyncReport};
use tidegate_stack::ControlPlane;

fn recreated() -> Intent {
    Intent {
        recreate: true,
        ..Intent::default()
    }
}

/// A Job that its TTL removes when it has run. The pods of an image with `unready` in its tag do not end.
fn job(tag: &str) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate", "namespace": null},
        "spec": {"ttlSecondsAfterFinished": 0, "template": {"spec": {"restartPolicy": "Never",
            "containers": [{"name": "app", "image": format!("example.com/app:{tag}")}]}}}})
}

/// The Job, with the annotation.
fn annotated(tag: &str) -> (Value, Intent) {
    let mut job = job(tag);
    job["metadata"]["annotations"] = json!({"tidegate.dev/recreate": "true"});
    (job, recreated())
}

fn is_done(report: &SyncReport) -> bool {
    report.failed.is_empty() && report.requests == 0
}

async fn image_of(target: &Target) -> Option<(String, String)> {
    let job = target.api::<Job>().get_opt("migrate").await.unwrap()?;
    let pod = job.spec.as_ref()?.template.spec.as_ref()?;
    Some((job.uid()?, pod.containers[0].image.clone()?))
}

#[tokio::test]
async fn a_job_with_another_template_is_deleted_with_its_pods_and_runs_anew() {
    let control_plane = ControlPlane::shared_with_pods().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-recreate-job").await;
    let first = target.commit(vec![(job("1-unready"), Intent::default())]);
    target.pass_until(&first, is_done).await;
    let (uid, _) = image_of(&target).await.unwrap();

    let refused = target.commit(vec![(job("2-unready"), Intent::default())]);
    let report = target.pass(&refused).await;
    let message = &report.failed[0].message;
    println!("{message}");
    assert!(
        message.contains("spec.template") && message.contains("annotate its manifest tidegate.dev/recreate: \"true\"")
    );
    assert_eq!(image_of(&target).await.unwrap().0, uid);

    let changed = target.commit(vec![annotated("2-unready")]);
    let preview = target.syncer.preview(&changed, Approval::default()).await.unwrap();
    assert_eq!(preview.objects[0].change, Change::Recreated, "{preview}");
    assert_eq!(image_of(&target).await.unwrap().0, uid, "a preview deletes nothing");
    target.pass_until(&changed, is_done).await;
    let (next, image) = image_of(&target).await.unwrap();
    assert!(next != uid && image == "example.com/app:2-unready", "{image}");
    let pods = target.api::<Pod>().list(&Default::default()).await.unwrap();
    let belongs_to_first = |pod: &Pod| pod.owner_references().iter().any(|owner| owner.uid == uid);
    assert!(!pods.iter().any(belongs_to_first), "two runs must not meet");

    let last = target.commit(vec![annotated("3")]);
    target.pass_until(&last, is_done).await;
    await_condition(target.api::<Job>(), "migrate", |job: Option<&Job>| job.is_none())
        .await
        .unwrap();
    let is_gone = |report: &SyncReport| report.untouched == 1 && report.requests == 0;
    for restarts in [false, true] {
        if restarts {
            target.restart(&control_plane).await;
        }
        target.pass_until(&last, is_gone).await;
        assert!(image_of(&target).await.is_none(), "what has run does not run again");
    }
}

fn stateful_set(service: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": null},
        "spec": {"serviceName": service, "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}},
                "spec": {"containers": [{"name": "app", "image": "example.com/app:1"}]}}}})
}

#[tokio::test]
async fn a_stateful_set_leaves_its_pods_to_the_next_one() {
    let control_plane = ControlPlane::shared_with_pods().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-recreate-set").await;
    let settled = |report: &SyncReport| is_done(report) && report.unready.is_empty();
    let first = target.commit(vec![(stateful_set("a"), recreated())]);
    target.pass_until(&first, settled).await;
    let pod = target.api::<Pod>().get("db-0").await.unwrap();
    let changed = target.commit(vec![(stateful_set("b"), recreated())]);
    target.pass_until(&changed, settled).await;
    let set = target.api::<StatefulSet>().get("db").await.unwrap();
    assert_eq!(set.spec.service_name.as_deref(), Some("b"));
    assert_eq!(target.api::<Pod>().get("db-0").await.unwrap().uid(), pod.uid());
}

#[tokio::test]
async fn other_objects_are_recreated_in_one_pass_and_data_never_is() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-recreate-kinds").await;
    let claim = |class: &str| {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": null},
            "spec": {"storageClassName": class, "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})
    };
    let secret = |value: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": null}, "immutable": true,
            "stringData": {"pin": value}})
    };
    let headless = |is_headless: bool| {
        let mut service = service("web");
        service["spec"]["clusterIP"] = if is_headless { json!("None") } else { Value::Null };
        service
    };
    let objects = |value: &str, is_headless: bool| {
        vec![
            (claim(value), recreated()),
            (secret(&format!("hunter2-{value}")), recreated()),
            (headless(is_headless), recreated()),
        ]
    };
    let first = target.commit(objects("a", false));
    assert_eq!(target.pass(&first).await.count(Change::Created), 3);
    target.pass_until(&first, is_done).await;
    let uid = target.api::<PersistentVolumeClaim>().get("data").await.unwrap().uid();
    let changed = target.commit(objects("b", true));
    let diff = target.syncer.diff(&changed, Approval::default(), &[1; 16]).await;
    let diff = diff.unwrap();
    println!("{diff}");
    let recreated = diff.objects.iter().filter(|object| object.recreated.is_some());
    assert_eq!((recreated.count(), diff.failed.len()), (2, 1), "{diff}");
    assert!(diff.failed[0].message.contains("is never deleted"), "{diff}");
    assert!(!diff.to_string().contains("hunter2"), "{diff}");
    let report = target.pass(&changed).await;
    assert_eq!(report.count(Change::Recreated), 2, "{report:#?}");
    let [failed] = &*report.failed else {
        panic!("the claim is refused: {report:#?}");
    };
    assert!(failed.message.contains("is never deleted"), "{}", failed.message);
    assert!(!format!("{report:?}").contains("hunter2"));
    assert_eq!(
        target.api::<PersistentVolumeClaim>().get("data").await.unwrap().uid(),
        uid
    );
    let secret = target.api::<Secret>().get("key").await.unwrap();
    assert_eq!(secret.data.unwrap()["pin"].0, b"hunter2-b");
    let service = target.api::<Service>().get("web").await.unwrap();
    assert_eq!(service.spec.unwrap().cluster_ip.as_deref(), Some("None"));
    target.pass_until(&changed, |report| report.untouched == 2).await;
}

#[tokio::test]
async fn what_others_made_is_not_deleted() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-recreate-foreign").await;
    let mut theirs = job("1");
    theirs["metadata"]["namespace"] = json!(target.namespace);
    let theirs: Job = serde_json::from_value(theirs).unwrap();
    let made = target
        .api::<Job>()
        .create(&PostParams::default(), &theirs)
        .await
        .unwrap();
    let declared = target.commit(vec![annotated("2")]);
    for _ in 0..2 {
        let report = target.pass(&declared).await;
        let [failed] = &*report.failed else {
            panic!("the Job is refused: {report:#?}");
        };
        assert!(
            failed.message.contains("it was not applied by tidegate"),
            "{}",
            failed.message
        );
    }
    assert_eq!(image_of(&target).await.map(|(uid, _)| uid), made.uid());
}
