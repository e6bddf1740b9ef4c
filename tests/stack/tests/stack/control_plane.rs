use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use kube::api::{ObjectMeta, Patch, PatchParams, PostParams};
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
    namespaces
        .delete("leaving", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    let phase = namespaces.get("leaving").await.unwrap().status.unwrap().phase;
    assert_eq!(phase.as_deref(), Some("Terminating"));
}
