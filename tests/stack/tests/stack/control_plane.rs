use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod, ServiceAccount};
use kube::api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::json;
use tidegate_stack::control_plane::{ControlPlane, Options};

fn config_map(name: &str, value: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([("key".to_owned(), value.to_owned())])),
        ..ConfigMap::default()
    }
}

#[tokio::test]
async fn objects_are_applied_and_every_request_is_in_the_audit_log() {
    let cluster = ControlPlane::shared().await.unwrap();
    let client = cluster.client_named("stack-test/1").await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client, "default");
    let mark = cluster.audit_mark();
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"a": "b"}});
    let applied = maps
        .patch("applied", &PatchParams::apply("stack-test"), &Patch::Apply(&map))
        .await
        .unwrap();
    assert_eq!(
        applied.metadata.managed_fields.unwrap()[0].manager.as_deref(),
        Some("stack-test")
    );
    maps.get("applied").await.unwrap();
    assert!(maps.get("absent").await.is_err());

    let requests = cluster.requests_since(&mark).await.unwrap();
    let ours: Vec<_> = requests
        .iter()
        .filter(|request| request.user_agent == "stack-test/1")
        .collect();
    let seen: Vec<_> = ours
        .iter()
        .map(|r| (r.verb.as_str(), r.resource.as_str(), r.name.as_str(), r.code))
        .collect();
    assert_eq!(
        seen,
        [
            ("patch", "configmaps", "applied", 201),
            ("get", "configmaps", "applied", 200),
            ("get", "configmaps", "absent", 404)
        ]
    );
    assert!(
        ours.iter()
            .all(|request| request.user == "admin" && request.namespace == "default")
    );
}

#[tokio::test]
async fn a_service_account_has_its_own_rights_only() {
    let cluster = ControlPlane::shared().await.unwrap();
    let client = cluster.client().await.unwrap();
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
    let account = ServiceAccount {
        metadata: ObjectMeta {
            name: Some("robot".to_owned()),
            ..ObjectMeta::default()
        },
        ..ServiceAccount::default()
    };
    accounts.create(&PostParams::default(), &account).await.unwrap();
    let token = cluster.service_account_token("default", "robot").await.unwrap();
    let kubeconfig = Kubeconfig::read_from(cluster.kubeconfig_for_token(&token).unwrap()).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .unwrap();
    let robot = Client::try_from(config).unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(robot, "default");
    let error = maps
        .create(&PostParams::default(), &config_map("forbidden", "1"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("system:serviceaccount:default:robot\" cannot create resource \"configmaps\""),
        "{error}"
    );
}

#[tokio::test]
async fn an_api_server_can_be_frozen_and_be_away() {
    let cluster = ControlPlane::start(Options::default()).await.unwrap();
    let client = cluster.client().await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client, "default");
    maps.create(&PostParams::default(), &config_map("kept", "1"))
        .await
        .unwrap();

    cluster.pause();
    assert!(
        tokio::time::timeout(Duration::from_millis(300), maps.get("kept"))
            .await
            .is_err()
    );
    cluster.resume();
    maps.get("kept").await.unwrap();

    let mark = cluster.audit_mark();
    cluster.stop_api_server();
    assert!(maps.get("kept").await.is_err());
    cluster.start_api_server().await.unwrap();
    assert_eq!(maps.get("kept").await.unwrap().data.unwrap()["key"], "1");
    let requests = cluster.requests_since(&mark).await.unwrap();
    assert!(
        requests
            .iter()
            .any(|request| request.resource == "configmaps" && request.name == "kept")
    );
}

#[tokio::test]
async fn without_controllers_a_deleted_namespace_stays() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespaces: Api<Namespace> = Api::all(cluster.client().await.unwrap());
    let namespace = Namespace {
        metadata: ObjectMeta {
            name: Some("leaving".to_owned()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    namespaces.delete("leaving", &DeleteParams::default()).await.unwrap();
    let phase = namespaces.get("leaving").await.unwrap().status.unwrap().phase;
    assert_eq!(phase.as_deref(), Some("Terminating"));
}

fn deployment(name: &str, image: &str) -> serde_json::Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
        },
    })
}

#[expect(clippy::unwrap_used, reason = "part of a test")]
async fn pods_of(client: &Client, name: &str) -> Vec<Pod> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    pods.list(&ListParams::default().labels(&format!("app={name}")))
        .await
        .unwrap()
        .items
}

/// Waits until `observe` returns the expected value.
async fn eventually<F: AsyncFn() -> bool>(what: &str, observe: F) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !observe().await {
        assert!(tokio::time::Instant::now() < deadline, "not within 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_image_tag_decides_whether_a_rollout_succeeds() {
    let cluster = ControlPlane::shared_with_pods().await.unwrap();
    let client = cluster.client().await.unwrap();
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "default");
    let apply = async |name: &str, image: &str| {
        let patch = Patch::Apply(deployment(name, image));
        deployments
            .patch(name, &PatchParams::apply("stack-test"), &patch)
            .await
            .unwrap()
    };
    let status = async |name: &str| deployments.get(name).await.unwrap().status.unwrap_or_default();
    let waiting = async |name: &str| {
        let pods = pods_of(&client, name).await;
        let statuses = pods
            .into_iter()
            .filter_map(|pod| pod.status?.container_statuses)
            .flatten();
        statuses
            .filter_map(|status| status.state?.waiting?.reason)
            .collect::<Vec<_>>()
    };

    apply("good", "registry.example/unready/crash:1.0").await;
    eventually("two ready pods", async || {
        status("good").await.available_replicas == Some(2)
    })
    .await;

    apply("good", "registry.example/app:1.1-unready").await;
    eventually("a pod of the new image runs", async || {
        let pods = pods_of(&client, "good").await;
        pods.iter().any(|pod| {
            let new = pod
                .spec
                .as_ref()
                .is_some_and(|spec| spec.containers[0].image.as_deref().unwrap_or("").ends_with("unready"));
            new && pod
                .status
                .as_ref()
                .is_some_and(|status| status.phase.as_deref() == Some("Running"))
        })
    })
    .await;
    eventually("the rollout is stuck after its first pod", async || {
        let status = status("good").await;
        (
            status.updated_replicas,
            status.available_replicas,
            status.unavailable_replicas,
        ) == (Some(1), Some(2), Some(1))
    })
    .await;

    apply("good", "registry.example/app:1.2").await;
    eventually("the rollout of a good image ends", async || {
        let status = status("good").await;
        status.updated_replicas == Some(2) && status.available_replicas == Some(2) && status.replicas == Some(2)
    })
    .await;

    apply("bad", "registry.example/app:2.0-crash").await;
    eventually("two crashing pods", async || {
        waiting("bad").await == ["CrashLoopBackOff", "CrashLoopBackOff"]
    })
    .await;
    assert_eq!(status("bad").await.available_replicas, None);
}

#[tokio::test]
async fn jobs_end_and_namespaces_go_where_controllers_run() {
    let cluster = ControlPlane::shared_with_pods().await.unwrap();
    let client = cluster.client().await.unwrap();
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let namespace: Namespace =
        serde_json::from_value(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "batch"}}))
            .unwrap();
    namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "batch");
    eventually("the service account of pods", async || {
        accounts.get_opt("default").await.unwrap().is_some()
    })
    .await;

    let jobs: Api<Job> = Api::namespaced(client.clone(), "batch");
    for (name, image) in [
        ("good", "registry.example/job:1"),
        ("bad", "registry.example/job:1-crash"),
    ] {
        let job: Job = serde_json::from_value(json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name},
            "spec": {
                "backoffLimit": 0,
                "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "job", "image": image}]}},
            },
        }))
        .unwrap();
        jobs.create(&PostParams::default(), &job).await.unwrap();
    }
    let ended = async |name: &str, condition: &str| {
        let conditions = jobs
            .get(name)
            .await
            .unwrap()
            .status
            .and_then(|status| status.conditions)
            .unwrap_or_default();
        conditions
            .iter()
            .any(|found| found.type_ == condition && found.status == "True")
    };
    eventually("the good job completes", async || ended("good", "Complete").await).await;
    eventually("the bad job fails", async || ended("bad", "Failed").await).await;

    namespaces.delete("batch", &DeleteParams::default()).await.unwrap();
    eventually("the namespace goes", async || {
        namespaces.get_opt("batch").await.unwrap().is_none()
    })
    .await;
}
