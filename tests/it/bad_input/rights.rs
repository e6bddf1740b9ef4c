//! An object that the agent has no right to apply: the right is named once, and no image of the object is bumped.

use super::scene::{AUTOMATED, Scene, logged, says, told, warnings, workload};
use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, RoleBinding};
use kube::api::{Api, PostParams};
use serde_json::{Value, json};
use tidegate_stack::ControlPlane;
use tidegate_stack::agent::{NAMESPACE, Options, make_namespace};
use tidegate_stack::git::Access;

const ANY: &str = "tidegate.dev/policy: semver:*";
const ACCOUNT: &str = "bad-rights";

async fn create<K>(api: Api<K>, value: Value)
where
    K: kube::Resource + serde::Serialize + serde::de::DeserializeOwned + Clone + std::fmt::Debug,
{
    let object: K = serde_json::from_value(value).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

fn binding(role: &str) -> Value {
    json!({
        "metadata": {"name": role},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}],
    })
}

/// An account that may write Deployments in the namespaces that [`grant`] names, and the rest everywhere.
async fn account(client: &kube::Client) {
    create(
        Api::<ServiceAccount>::namespaced(client.clone(), NAMESPACE),
        json!({"metadata": {"name": ACCOUNT}}),
    )
    .await;
    let all = ["get", "list", "watch", "create", "update", "patch", "delete"];
    let roles = Api::<ClusterRole>::all(client.clone());
    let everywhere = json!({"metadata": {"name": "bad-rights-all"}, "rules": [
        {"apiGroups": [""], "resources": ["namespaces", "configmaps"], "verbs": all},
        {"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": all},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch"]},
    ]});
    create(roles.clone(), everywhere).await;
    create(
        Api::<ClusterRoleBinding>::all(client.clone()),
        binding("bad-rights-all"),
    )
    .await;
    let some = json!({"metadata": {"name": "bad-rights-some"}, "rules": [
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": all},
    ]});
    create(roles, some).await;
}

async fn grant(client: &kube::Client, namespace: &str) {
    create(
        Api::<RoleBinding>::namespaced(client.clone(), namespace),
        binding("bad-rights-some"),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_in_an_object_that_may_not_be_applied_is_bumped_when_the_right_is_there() {
    let (name, other) = ("bad-rights", "bad-rights-other");
    let cluster = ControlPlane::shared().await.unwrap();
    let client = cluster.client_named("somebody").await.unwrap();
    make_namespace(&client).await.unwrap();
    account(&client).await;
    for namespace in [name, other] {
        create(
            Api::<Namespace>::all(client.clone()),
            json!({"metadata": {"name": namespace}}),
        )
        .await;
    }
    grant(&client, name).await;
    let files = [
        ("web.yaml", workload(name, "web", "shop/web:1.0.0", &[AUTOMATED, ANY])),
        ("api.yaml", workload(other, "api", "shop/api:1.0.0", &[AUTOMATED, ANY])),
    ];
    let scene = Scene::set(&cluster, name, &files).await;
    for repository in ["shop/web", "shop/api"] {
        scene.pushed(repository, "1.0.0");
        scene.pushed(repository, "1.1.0");
    }
    let token = cluster.service_account_token(NAMESPACE, ACCOUNT).await.unwrap();
    let options = Options {
        kubeconfig: Some(cluster.kubeconfig_for_token(&token).unwrap()),
        ..scene.options()
    };
    let mut agent = scene.agent(options, Access::ReadWrite).await;
    agent.run().await.unwrap();

    scene.committed("web.yaml", "shop/web:1.1.0").await;
    let line = logged(&mut agent, &["WARN", "bad-rights-other/api", "extraRules"]).await;
    says(&line, &["deployments", "apps"]);
    told(&agent, &["scan"]).await;
    let (code, status) = told(&agent, &["status", "-o", "json"]).await;
    assert_eq!(code, 1, "{status}");
    let status: Value = serde_json::from_str(&status).unwrap();
    let fields = status["fields"].as_array().unwrap();
    let api = fields.iter().find(|field| field["object"]["name"] == "api").unwrap();
    assert_eq!(api["outcome"], "denied", "{api}");
    let (code, plan) = told(&agent, &["plan"]).await;
    assert_eq!(code, 1, "{plan}");
    says(
        &plan,
        &[
            "error  api.yaml",
            "extraRules",
            "stay   Deployment bad-rights-other/api",
        ],
    );
    assert_eq!(warnings(&agent, "extraRules").len(), 1, "the right is named once");
    let tip = scene.repo.tip().unwrap().unwrap();
    says(&scene.repo.file_at(&tip, "api.yaml").unwrap(), &["shop/api:1.0.0"]);

    grant(&client, other).await;
    scene.committed("api.yaml", "shop/api:1.1.0").await;
}
