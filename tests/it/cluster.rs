//! The edge to the API server: Secrets, lost races, unusable kubeconfigs.

#![expect(clippy::unwrap_used, reason = "the steps of a test may fail, and then say where")]

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{Api, ObjectMeta, PostParams};
use std::collections::BTreeMap;
use std::sync::Arc;
use tidegate::cluster::{Access, Connection, SecretStore};
use tidegate::model::SecretBytes;
use tidegate::port::{ClusterFailure, HomeSecrets as _, SecretName};
use tidegate_stack::ControlPlane;

async fn secrets(control_plane: &ControlPlane, namespace: &str) -> SecretStore {
    let client = control_plane.client().await.unwrap();
    let body = Namespace {
        metadata: ObjectMeta {
            name: Some(namespace.into()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    Api::<Namespace>::all(client)
        .create(&PostParams::default(), &body)
        .await
        .unwrap();
    let access = Access::Kubeconfig {
        path: control_plane.kubeconfig().to_owned(),
        context: None,
    };
    let connection = Connection::open(&access).await.unwrap();
    SecretStore::new(Arc::new(connection), namespace.to_owned())
}

/// Adds the entry if there is none. Returns the entry as it is afterwards.
async fn put(secrets: &SecretStore, name: &SecretName, text: &str) -> String {
    let entries = secrets.change::<ClusterFailure>(name, |entries| {
        let is_new = !entries.contains_key("identity");
        entries
            .entry("identity".to_owned())
            .or_insert_with(|| SecretBytes::new(text));
        Ok(is_new)
    });
    String::from_utf8(entries.await.unwrap()["identity"].expose().to_vec()).unwrap()
}

#[tokio::test]
async fn of_many_processes_that_find_no_key_one_makes_it_and_all_return_it() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let secrets = Arc::new(secrets(&control_plane, "cluster-key").await);
    let name = SecretName {
        namespace: "cluster-key".into(),
        name: "deploy".into(),
    };
    let racers = (0..8).map(|n| {
        let (secrets, name) = (secrets.clone(), name.clone());
        async move { put(&secrets, &name, &format!("key {n}")).await }
    });
    let mut keys = futures::future::join_all(racers).await;
    keys.dedup();
    assert_eq!(keys.len(), 1, "{keys:?}");
    let again = secrets.read(&name).await.unwrap();
    assert_eq!(again["identity"].expose(), keys[0].as_bytes());
}

#[tokio::test]
async fn a_key_joins_a_secret_that_holds_other_entries() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let secrets = secrets(&control_plane, "cluster-join").await;
    let api: Api<Secret> = Api::namespaced(control_plane.client().await.unwrap(), "cluster-join");
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some("deploy".into()),
            ..ObjectMeta::default()
        },
        string_data: Some(BTreeMap::from([("known_hosts".into(), "a b c".into())])),
        data: Some(BTreeMap::from([("bytes".into(), ByteString(vec![0xff, 0xfe]))])),
        ..Secret::default()
    };
    api.create(&PostParams::default(), &secret).await.unwrap();
    let name = SecretName {
        namespace: "cluster-join".into(),
        name: "deploy".into(),
    };
    assert_eq!(put(&secrets, &name, "key").await, "key");
    let data = api.get("deploy").await.unwrap().data.unwrap();
    assert_eq!(
        data.keys().map(String::as_str).collect::<Vec<_>>(),
        ["bytes", "identity", "known_hosts"]
    );
    assert_eq!(data["bytes"].0, [0xff, 0xfe], "what is no text stays as it is");
}

#[tokio::test]
async fn a_kubeconfig_that_is_not_there_is_named() {
    let access = Access::Kubeconfig {
        path: "/nowhere/kubeconfig".into(),
        context: None,
    };
    let Err(error) = Connection::open(&access).await else {
        panic!("connected to nothing")
    };
    assert!(error.to_string().contains("/nowhere/kubeconfig"), "{error}");
}
