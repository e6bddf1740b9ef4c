//! Variables in manifests, from a ConfigMap and a Secret of a real API server.

use super::world::{SOON, World, namespace_file};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use serde_json::json;
use tidegate_stack::ControlPlane;
use tidegate_stack::agent::{NAMESPACE, Options};

const PASSWORD: &str = "hunter2-of-the-test";

fn files(namespace: &str) -> Vec<(&'static str, String)> {
    let map = |name: &str, data: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: \"${{NAMESPACE}}\"}}\ndata: {data}\n"
        )
    };
    vec![
        ("namespace.yaml", namespace_file(namespace)),
        (
            "region.yaml",
            map(
                "region",
                "{region: \"${REGION:=nowhere}\", size: \"${SIZE}\", price: \"5$\"}",
            ),
        ),
        ("dsn.yaml", map("dsn", "{dsn: \"db://u:${PASSWORD}@${REGION}\"}")),
        ("script.yaml", map("script", "{run: \"echo $${HOME}\"}")),
        (
            "dashboard.yaml",
            format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: dashboard\n  namespace: {namespace}\n  annotations: \
                 {{kustomize.toolkit.fluxcd.io/substitute: disabled}}\ndata: {{query: \"${{datasource}}\"}}\n"
            ),
        ),
    ]
}

async fn put_settings(world: &World, region: &str) {
    let api: Api<ConfigMap> = Api::namespaced(world.client.clone(), NAMESPACE);
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "substitute-settings"},
        "data": {"REGION": region, "SIZE": "'3'"},
    });
    let params = PatchParams::apply("test").force();
    api.patch("substitute-settings", &params, &Patch::Apply(map))
        .await
        .unwrap();
}

async fn put_password(world: &World) {
    let api: Api<Secret> = Api::namespaced(world.client.clone(), NAMESPACE);
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some("substitute-password".to_owned()),
            ..ObjectMeta::default()
        },
        data: Some([("PASSWORD".to_owned(), ByteString(PASSWORD.as_bytes().to_vec()))].into()),
        ..Secret::default()
    };
    let _ = api.delete("substitute-password", &Default::default()).await;
    api.create(&PostParams::default(), &secret).await.unwrap();
}

/// Waits until the entry of the map has this value.
async fn has(world: &World, map: &str, entry: &str, value: &str) {
    let api: Api<ConfigMap> = Api::namespaced(world.client.clone(), &world.namespace);
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let live = api.get_opt(map).await.unwrap().and_then(|map| map.data?.remove(entry));
        if live.as_deref() == Some(value) {
            return;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{map}: {live:?}\n{}",
            world.agent.log()
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_are_replaced_a_change_of_one_is_applied_and_secrets_stay_secret() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("substitute-{}", std::process::id());
    let mut world = World::with(&cluster, "substitute", &namespace, &files(&namespace)).await;
    let from = "[{kind: ConfigMap, name: substitute-settings}, {kind: Secret, name: substitute-password}]";
    let more =
        format!("sync:\n  set: substitute\n  substitute: {{variables: {{NAMESPACE: {namespace}}}, from: {from}}}\n");
    world
        .agent
        .configure(|options: &mut Options| options.more = more)
        .unwrap();
    put_settings(&world, "eu").await;
    world.agent.run().await.unwrap();

    // The Secret is missing: one finding, and what needs no variable is applied.
    has(&world, "dashboard", "query", "${datasource}").await;
    let output = world.agent.call(&["sync"]).await.unwrap();
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    let unknown = said
        .lines()
        .filter(|line| line.contains("Secret tidegate/substitute-password does not exist"));
    assert_eq!(unknown.count(), 1, "{said}");
    let api: Api<ConfigMap> = Api::namespaced(world.client.clone(), &world.namespace);
    assert!(api.get_opt("region").await.unwrap().is_none());

    // The Secret comes, and nobody commits.
    put_password(&world).await;
    has(&world, "dsn", "dsn", &format!("db://u:{PASSWORD}@eu")).await;
    has(&world, "region", "size", "3").await;
    has(&world, "region", "price", "5$").await;
    has(&world, "script", "run", "echo ${HOME}").await;
    put_settings(&world, "us").await;
    has(&world, "dsn", "dsn", &format!("db://u:{PASSWORD}@us")).await;
    has(&world, "region", "region", "us").await;

    // A person changes the object with the password; nothing shows the password.
    let edit = json!({"data": {"dsn": "edited", "more": "x"}});
    let person = PatchParams::default();
    api.patch("dsn", &person, &Patch::Merge(edit)).await.unwrap();
    has(&world, "dsn", "dsn", &format!("db://u:{PASSWORD}@us")).await;
    put_settings(&world, "cn").await;
    let diff = world.agent.call(&["diff"]).await.unwrap();
    said += &String::from_utf8_lossy(&diff.stdout);
    has(&world, "dsn", "dsn", &format!("db://u:{PASSWORD}@cn")).await;
    for command in [&["status"][..], &["plan"], &["sync"]] {
        let output = world.agent.call(command).await.unwrap();
        said += &String::from_utf8_lossy(&output.stdout);
    }
    said += &world.agent.log();
    assert!(!said.contains(PASSWORD), "a value of a Secret is shown");
}
