//! An agent with a Role in some namespaces and no ClusterRole.

use super::scene::{Target, config_map, connect_in};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Client;
use kube::api::{Api, DeleteParams, PostParams};
use serde_json::{Value, json};
use std::sync::Arc;
use tidegate::cluster::Access;
use tidegate::model::TargetId;
use tidegate::resource::DeletionLimit;
use tidegate::sync::{Change, Syncer};
use tidegate_stack::ControlPlane;
use tidegate_stack::control_plane::Options;

const AGENT: &str = "sync-few-agent";

async fn create<K>(api: Api<K>, value: Value)
where
    K: kube::Resource + serde::Serialize + serde::de::DeserializeOwned + Clone + std::fmt::Debug,
{
    let object: K = serde_json::from_value(value).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

/// What the chart makes with `sync.namespaces`.
async fn grant(client: &Client, namespace: &str) {
    let write = ["get", "list", "watch", "create", "update", "patch", "delete"];
    let role = json!({
        "metadata": {"name": "agent"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": write}],
    });
    create(Api::<Role>::namespaced(client.clone(), namespace), role).await;
    let binding = json!({
        "metadata": {"name": "agent"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "agent"},
        "subjects": [{"kind": "ServiceAccount", "name": "agent", "namespace": AGENT}],
    });
    create(Api::<RoleBinding>::namespaced(client.clone(), namespace), binding).await;
}

fn in_namespace(name: &str, namespace: &str) -> Value {
    let mut map = config_map(name, "1");
    map["metadata"]["namespace"] = json!(namespace);
    map
}

#[tokio::test]
async fn an_agent_without_cluster_wide_rights_applies_repairs_and_prunes_in_its_namespaces() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut target = Target::on(&control_plane, "sync-few").await;
    let client = target.client.clone();
    create(
        Api::<Namespace>::all(client.clone()),
        json!({"metadata": {"name": "sync-few-b"}}),
    )
    .await;
    create(
        Api::<ServiceAccount>::namespaced(client.clone(), AGENT),
        json!({"metadata": {"name": "agent"}}),
    )
    .await;
    for namespace in [AGENT, "sync-few", "sync-few-b"] {
        grant(&client, namespace).await;
    }
    let token = control_plane.service_account_token(AGENT, "agent").await.unwrap();
    let access = Access::Kubeconfig {
        path: control_plane.kubeconfig_for_token(&token).unwrap(),
        context: None,
    };
    let namespaces = ["sync-few".to_owned(), "sync-few-b".to_owned()];
    let cluster = connect_in(access, TargetId::here(), AGENT, &namespaces).await;
    target.server = Arc::clone(&cluster.api);
    target.syncer = Syncer::new(cluster, DeletionLimit::default());

    let maps = vec![
        in_namespace("a", "sync-few"),
        in_namespace("b", "sync-few-b"),
        in_namespace("gone", "sync-few-b"),
    ];
    let declared = target.plain(maps.clone());
    let report = target.pass(&declared).await;
    assert_eq!((report.count(Change::Created), report.problems()), (3, vec![]));
    let report = target.pass_until(&declared, |report| report.untouched == 3).await;
    assert_eq!(report.problems(), Vec::<String>::new());

    let other = Api::<ConfigMap>::namespaced(client.clone(), "sync-few-b");
    other.delete("b", &DeleteParams::default()).await.unwrap();
    let repaired = |change| move |report: &tidegate::sync::SyncReport| report.count(change) == 1;
    target.pass_until(&declared, repaired(Change::Repaired)).await;
    assert!(other.get_opt("b").await.unwrap().is_some());

    let fewer = target.plain(maps[..2].to_vec());
    target.pass_until(&fewer, |report| report.pruned.len() == 1).await;
    assert!(other.get_opt("gone").await.unwrap().is_none());

    let mut elsewhere = maps[..2].to_vec();
    elsewhere.push(in_namespace("c", "default"));
    let declared = target.plain(elsewhere);
    let problems = target.pass(&declared).await.problems().join("\n");
    assert!(
        problems.contains("the agent has no right in namespace default: sync.namespaces names"),
        "{problems}"
    );
    assert!(!problems.contains("extraRules"), "{problems}");
}
