//! `tidegate.dev/depends-on` on a real server: a workload starts when the one that it needs is ready.

use super::scene::{Target, config_map, deployment};
use k8s_openapi::api::apps::v1::Deployment;
use kube::ResourceExt;
use serde_json::json;
use tidegate::resource::{CommitHealth, Dependency, Intent};
use tidegate_stack::ControlPlane;

#[tokio::test]
async fn a_workload_is_created_after_the_job_and_the_database_that_it_depends_on_are_ready() {
    let control_plane = ControlPlane::shared_with_pods().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-depends").await;
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate", "namespace": null},
        "spec": {"template": {"spec": {"restartPolicy": "Never",
            "containers": [{"name": "app", "image": "example.com/app:1"}]}}}});
    let after = |text: &str| Intent {
        depends_on: Dependency::parse_list(text).unwrap(),
        ..Intent::default()
    };
    let declared = target.commit(vec![
        (deployment("web", "1"), after("Job/migrate")),
        (job, after("sync-depends/Deployment/db, ConfigMap/settings")),
        (deployment("db", "1"), Intent::default()),
        (config_map("settings", "1"), Intent::default()),
    ]);
    let first = target.pass(&declared).await;
    assert!(
        first.awaiting.iter().any(|awaiting| awaiting.id.name == "web"),
        "{first:#?}"
    );
    let report = target
        .pass_until(&declared, |report| report.health == Some(CommitHealth::Healthy))
        .await;
    assert!(report.awaiting.is_empty());
    let created = async |name: &str| {
        let found: Deployment = target.api().get(name).await.unwrap();
        found.creation_timestamp().unwrap()
    };
    assert!(created("web").await >= created("db").await);
}
