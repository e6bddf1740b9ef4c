//! A repository that is laid out as Flux v2's example with kustomize, carried out for both of its clusters.

use super::world::{HOST, SOON, World};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::json;
use tidegate_stack::ControlPlane;
use tidegate_stack::agent::Options;
use tidegate_stack::tools::Tools;

const OLD: &str = "1111aaa";
const NEW: &str = "2222bbb";

fn map(name: &str, data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {data}\n")
}

fn kustomization(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec:\n  \
         interval: 10m0s\n  retryInterval: 1m0s\n  timeout: 5m0s\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n{spec}"
    )
}

fn apps(namespace: &str, more: &str) -> String {
    let stage = if namespace.contains("staging") {
        "staging"
    } else {
        "production"
    };
    kustomization(
        "apps",
        &format!(
            "  dependsOn: [{{name: infrastructure}}]\n  path: ./apps/{stage}\n  prune: true\n  wait: true\n  targetNamespace: \
             {namespace}\n  commonMetadata: {{labels: {{stage: {stage}}}}}\n  postBuild:\n    substitute: {{stage: {stage}}}\n    \
             substituteFrom: [{{kind: ConfigMap, name: settings-{stage}}}]\n  patches:\n  - target: {{kind: Deployment}}\n    patch: |\n      \
             - {{op: add, path: /spec/revisionHistoryLimit, value: 3}}\n{more}"
        ),
    )
}

/// The files that one of the clusters has for itself.
fn cluster(stage: &'static str, namespace: &str) -> Vec<(String, String)> {
    let infrastructure = kustomization(
        "infrastructure",
        &format!(
            "  path: ./infrastructure\n  prune: false\n  wait: true\n  postBuild: {{substitute: {{namespace: {namespace}}}}}\n"
        ),
    );
    // What `flux bootstrap` commits, as far as it matters here.
    let components = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: kustomize-controller\n  namespace: {namespace}\n  labels: \
         {{app.kubernetes.io/part-of: flux, app.kubernetes.io/component: kustomize-controller}}\nspec:\n  selector: {{matchLabels: {{app: \
         k}}}}\n  template: {{metadata: {{labels: {{app: k}}}}, spec: {{containers: [{{name: manager, image: k}}]}}}}\n"
    );
    let sync = kustomization("flux-system", &format!("  path: ./clusters/{stage}\n  prune: true\n"));
    let at = |file: &str| format!("clusters/{stage}/{file}");
    vec![
        (at("apps.yaml"), apps(namespace, "")),
        (at("infrastructure.yaml"), infrastructure),
        (at("flux-system/gotk-components.yaml"), components),
        (at("flux-system/gotk-sync.yaml"), sync),
        (
            at("flux-system/kustomization.yaml"),
            "resources: [gotk-components.yaml, gotk-sync.yaml]\n".to_owned(),
        ),
    ]
}

fn files(staging: &str, production: &str) -> Vec<(String, String)> {
    let deployment = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  annotations: {{tidegate.dev/automated: \"true\"}}\nspec:\n  \
         selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec: {{containers: [{{name: \
         app, image: {HOST}/shop/web:0}}]}}\n"
    );
    let overlay = |replicas: u32| {
        format!(
            "resources: [../base/web, map.yaml]\nreplicas: [{{name: web, count: {replicas}}}]\nimages:\n- name: {HOST}/shop/web\n  \
             newTag: {OLD}\n"
        )
    };
    let own = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let mut files = vec![
        own("apps/base/web/kustomization.yaml", "resources: [web.yaml]\n"),
        own("apps/base/web/web.yaml", &deployment),
        own("apps/staging/kustomization.yaml", &overlay(0)),
        own(
            "apps/staging/map.yaml",
            &map("stage", "{stage: \"${stage}\", region: \"${region}\"}"),
        ),
        own("apps/production/kustomization.yaml", &overlay(0)),
        own(
            "apps/production/map.yaml",
            &map("stage", "{stage: \"${stage}\", region: \"${region}\"}"),
        ),
        own(
            "infrastructure/namespace.yaml",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: \"${namespace}\"}\n",
        ),
        own(
            "infrastructure/configs/kustomization.yaml",
            "namespace: ${namespace}\nresources: [map.yaml]\n",
        ),
        own("infrastructure/configs/map.yaml", &map("shared", "{a: b}")),
    ];
    files.extend(cluster("staging", staging));
    files.extend(cluster("production", production));
    files
}

async fn put_settings(client: &kube::Client, stage: &str, region: &str) {
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
    let params = PatchParams::apply("test").force();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}});
    namespaces
        .patch("flux-system", &params, &Patch::Apply(namespace))
        .await
        .unwrap();
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), "flux-system");
    let name = format!("settings-{stage}");
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"region": region}});
    api.patch(&name, &params, &Patch::Apply(map)).await.unwrap();
}

async fn world(cluster: &ControlPlane, stage: &str, namespace: &str, files: &[(String, String)]) -> World {
    let files: Vec<(&str, String)> = files.iter().map(|(path, text)| (path.as_str(), text.clone())).collect();
    let name = format!("flux-{stage}");
    let mut world = World::with(cluster, &name, namespace, &files).await;
    let kustomize = Tools::get("kustomize").unwrap();
    let more = format!(
        "sync: {{set: {name}, flux: carry-out}}\nrender: {{kustomize: {}}}\n",
        kustomize.display()
    );
    let paths = format!("  paths: [clusters/{stage}]\n");
    let configure = |options: &mut Options| (options.more, options.repo_more) = (more, paths);
    world.agent.configure(configure).unwrap();
    world
}

fn maps(world: &World) -> Api<ConfigMap> {
    Api::namespaced(world.client.clone(), &world.namespace)
}

async fn has(world: &World, name: &str, entry: &str, value: Option<&str>) {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let live = maps(world)
            .get_opt(name)
            .await
            .unwrap()
            .and_then(|map| map.data?.remove(entry));
        if live.as_deref() == value {
            return;
        }
        assert!(
            tokio::time::Instant::now() < deadline,
            "{name}: {live:?}\n{}",
            world.agent.log()
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// A person commits these texts; an empty one removes the file.
async fn commit(world: &World, files: &[(&str, &str)]) -> String {
    let person = world.repo.work_copy().unwrap();
    for (path, text) in files {
        match text.is_empty() {
            true => person.remove(path).unwrap(),
            false => person.write(path, text).unwrap(),
        }
    }
    person.commit("Something else").unwrap();
    person.push().unwrap();
    let output = world.agent.call(&["sync"]).await.unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_clusters_of_flux_v2s_layout_converge_without_a_change() {
    let cluster = ControlPlane::shared().await.unwrap();
    let of = |stage: &str| format!("{stage}-{}", std::process::id());
    let (staging, production) = (of("staging"), of("production"));
    let files = files(&staging, &production);
    for (stage, namespace) in [("staging", &staging), ("production", &production)] {
        let mut world = world(&cluster, stage, namespace, &files).await;
        world.ecr.push_tag("shop/web", OLD).unwrap();
        put_settings(&world.client, stage, "eu").await;
        world.agent.run().await.unwrap();
        has(&world, "stage", "stage", Some(stage)).await;
        has(&world, "stage", "region", Some("eu")).await;
        has(&world, "shared", "a", Some("b")).await;
        world.runs(OLD).await;
        let said = world.agent.ask(&["sync"]).await.unwrap();
        assert!(
            !said.contains("not carried out") && !said.contains("not honoured"),
            "{said}"
        );
        let web = world.deployments().get("web").await.unwrap();
        assert_eq!(web.spec.revision_history_limit, Some(3));
        let annotations = web.metadata.annotations.unwrap_or_default();
        let from = annotations.get("tidegate.dev/kustomization").map(String::as_str);
        assert_eq!(from, Some("flux-system/apps"));
        assert_eq!(
            web.metadata.labels.unwrap_or_default().get("stage").map(String::as_str),
            Some(stage)
        );
        assert!(
            world
                .deployments()
                .get_opt("kustomize-controller")
                .await
                .unwrap()
                .is_none(),
            "Flux is not installed"
        );

        // A variable changes, and nobody commits. A bump goes where the tag that is rendered stands.
        put_settings(&world.client, stage, "us").await;
        has(&world, "stage", "region", Some("us")).await;
        world.ecr.push_tag("shop/web", NEW).unwrap();
        world.agent.ask(&["scan"]).await.unwrap();
        world.runs(NEW).await;
        let overlay = world
            .repo
            .file_at("main", &format!("apps/{stage}/kustomization.yaml"))
            .unwrap();
        assert!(overlay.contains(&format!("newTag: {NEW}")), "{overlay}");
    }
    rules(&cluster).await;
}

/// Suspension, deletions, and a cluster in which Flux runs.
async fn rules(cluster: &ControlPlane) {
    let namespace = format!("production-rules-{}", std::process::id());
    let own = files("unused-staging", &namespace);
    let mut world = world(cluster, "production", &namespace, &own).await;
    let set = |options: &mut Options| options.more = options.more.replace("flux-production", "flux-rules");
    world.agent.configure(set).unwrap();
    put_settings(&world.client, "production", "eu").await;

    // Flux runs.
    let flux = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "kustomize-controller", "labels":
            {"app.kubernetes.io/part-of": "flux", "app.kubernetes.io/component": "kustomize-controller"}},
        "spec": {"selector": {"matchLabels": {"app": "k"}}, "template": {"metadata": {"labels": {"app": "k"}},
            "spec": {"containers": [{"name": "manager", "image": "k"}]}}},
    });
    let deployments: Api<Deployment> = Api::namespaced(world.client.clone(), "flux-system");
    let params = PatchParams::apply("test").force();
    deployments
        .patch("kustomize-controller", &params, &Patch::Apply(flux))
        .await
        .unwrap();
    world.agent.run().await.unwrap();
    let output = world.agent.call(&["sync"]).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.contains("Flux runs in this cluster (Deployment flux-system/kustomize-controller)"),
        "{said}"
    );
    deployments
        .delete("kustomize-controller", &DeleteParams::default())
        .await
        .unwrap();
    commit(&world, &[("clusters/production/notes.txt", "Flux is gone")]).await;
    has(&world, "stage", "stage", Some("production")).await;

    // What leaves git goes where `prune` is true, and stays where it is false.
    let both = "resources: [map.yaml, ../base/web]\n";
    let more = format!("{}---\n{}", map("stage", "{stage: a}"), map("more", "{a: b}"));
    let extra = format!("{}---\n{}", map("kept", "{a: b}"), map("gone", "{a: b}"));
    let sweeping = kustomization(
        "extra",
        &format!("  path: ./extra\n  prune: true\n  targetNamespace: {namespace}\n"),
    );
    commit(
        &world,
        &[
            ("apps/production/kustomization.yaml", both),
            ("apps/production/map.yaml", &more),
            ("clusters/production/extra.yaml", &sweeping),
            ("extra/maps.yaml", &extra),
        ],
    )
    .await;
    has(&world, "more", "a", Some("b")).await;
    commit(
        &world,
        &[
            ("apps/production/map.yaml", &map("stage", "{stage: b}")),
            ("infrastructure/configs/map.yaml", &map("other", "{a: b}")),
        ],
    )
    .await;
    has(&world, "more", "a", None).await;
    has(&world, "other", "a", Some("b")).await;
    has(&world, "shared", "a", Some("b")).await;

    has(&world, "gone", "a", Some("b")).await;

    // Suspended, nothing of it is applied or deleted. Others go on, with deletions, too.
    let said = commit(
        &world,
        &[
            ("clusters/production/apps.yaml", &apps(&namespace, "  suspend: true\n")),
            ("apps/production/map.yaml", &map("another", "{a: b}")),
            ("infrastructure/configs/map.yaml", &map("other", "{a: c}")),
            ("extra/maps.yaml", &map("kept", "{a: c}")),
        ],
    )
    .await;
    has(&world, "other", "a", Some("c")).await;
    has(&world, "gone", "a", None).await;
    assert!(said.contains("Kustomization flux-system/apps: suspended"), "{said}");
    has(&world, "stage", "stage", Some("b")).await;
    has(&world, "another", "a", None).await;

    // Resumed, what left git meanwhile goes.
    commit(&world, &[("clusters/production/apps.yaml", &apps(&namespace, ""))]).await;
    has(&world, "another", "a", Some("b")).await;
    has(&world, "stage", "stage", None).await;
}
