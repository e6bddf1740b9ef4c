//! Folders with a kustomization, rendered by the real program and applied to a real API server.

use super::world::{HOST, World, deployment, namespace_file};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, WatchEvent, WatchParams};
use tidegate_stack::ControlPlane;
use tidegate_stack::agent::Options;
use tidegate_stack::tools::Tools;

const OLD: &str = "1111aaa";
const NEW: &str = "2222bbb";

/// A world whose agent renders, with these paths.
pub async fn world(
    cluster: &ControlPlane,
    name: &str,
    namespace: &str,
    files: &[(&str, String)],
    paths: &str,
) -> World {
    let mut world = World::with(cluster, name, namespace, files).await;
    let kustomize = Tools::get("kustomize").unwrap();
    let more = format!(
        "sync: {{set: {name}}}\nrender: {{kustomize: {}}}\n",
        kustomize.display()
    );
    let paths = format!("  paths: [{paths}]\n");
    world
        .agent
        .configure(|options| (options.more, options.repo_more) = (more, paths))
        .unwrap();
    world
}

fn overlay(namespace: &str) -> String {
    format!(
        "namespace: {namespace}\nresources: [../../lib/base, namespace.yaml]\nimages:\n- name: {HOST}/shop/web\n  newTag: {OLD} # of the \
         shop\nconfigMapGenerator:\n- name: settings\n  files: [settings.txt]\n"
    )
}

async fn maps(world: &World) -> Vec<String> {
    let api: Api<ConfigMap> = Api::namespaced(world.client.clone(), &world.namespace);
    let maps = api.list(&Default::default()).await.unwrap();
    let names = maps.iter().filter_map(|map| map.metadata.name.clone());
    names.filter(|name| name != "kube-root-ca.crt").collect()
}

async fn renderings(world: &World) -> String {
    let (_, text) = world.agent.get("/metrics").await.unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("tidegate_renderings_total "))
        .unwrap();
    line.to_owned()
}

/// The base lies outside of `repo.paths`.
#[tokio::test(flavor = "multi_thread")]
async fn an_overlay_is_applied_bumped_and_taken_back_and_its_base_is_not_applied_beside_it() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("kustomize-{}", std::process::id());
    let files = [
        ("lib/base/kustomization.yaml", "resources: [web.yaml]\n".to_owned()),
        ("lib/base/web.yaml", deployment("default", "0")),
        ("apps/prod/kustomization.yaml", overlay(&namespace)),
        ("apps/prod/namespace.yaml", namespace_file(&namespace)),
        ("apps/prod/settings.txt", "one".to_owned()),
        (
            "apps/other/kustomization.yaml",
            format!("namespace: {namespace}\nresources: [map.yaml]\n"),
        ),
        (
            "apps/other/map.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n".to_owned(),
        ),
    ];
    let mut world = world(&cluster, "kustomize", &namespace, &files, "apps").await;
    world.ecr.push_tag("shop/web", OLD).unwrap();
    world.agent.run().await.unwrap();
    world.runs(OLD).await;
    world.agent.ask(&["sync"]).await.unwrap();
    assert_eq!(renderings(&world).await, "tidegate_renderings_total 2");
    let defaults: Api<k8s_openapi::api::apps::v1::Deployment> = Api::namespaced(world.client.clone(), "default");
    assert!(
        defaults.get_opt("web").await.unwrap().is_none(),
        "the base is not applied by itself"
    );

    world.ecr.push_tag("shop/web", NEW).unwrap();
    world.agent.ask(&["scan"]).await.unwrap();
    world.runs(NEW).await;
    assert_eq!(
        renderings(&world).await,
        "tidegate_renderings_total 3",
        "one folder changed"
    );
    let bump = world.repo.tip().unwrap().unwrap();
    let text = world.repo.file_at("main", "apps/prod/kustomization.yaml").unwrap();
    assert_eq!(text, overlay(&namespace).replace(OLD, NEW));

    let person = world.repo.work_copy().unwrap();
    person.revert(&bump).unwrap();
    person.push().unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    assert!(world.live_image().await.ends_with(OLD));
    world.agent.ask(&["scan"]).await.unwrap();
    assert!(
        world.live_image().await.ends_with(OLD),
        "the bump that was taken back is held"
    );

    // A base outside of repo.paths changes: the overlay that reaches it is rendered, and nothing else.
    let before = renderings(&world).await;
    let base = deployment("default", "0").replace("replicas: 0", "replicas: 0\n  revisionHistoryLimit: 3");
    person.write("lib/base/web.yaml", &base).unwrap();
    person.write("lib/unrelated.yaml", "a: b\n").unwrap();
    person.commit("Keep less history").unwrap();
    person.push().unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    let live = world.deployments().get("web").await.unwrap();
    assert_eq!(live.spec.revision_history_limit, Some(3));
    let count = |line: &str| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap();
    assert_eq!(count(&renderings(&world).await), count(&before) + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_name_moves_on_only_after_the_new_one_is_there_and_a_broken_folder_stops_nothing_else() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("generated-{}", std::process::id());
    let plain = |value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: plain, namespace: {namespace}}}\ndata: {{a: {value}}}\n"
        )
    };
    let files = [
        ("namespace.yaml", namespace_file(&namespace)),
        ("plain.yaml", plain("one")),
        (
            "prod/kustomization.yaml",
            format!("namespace: {namespace}\nconfigMapGenerator:\n- name: settings\n  files: [settings.txt]\n"),
        ),
        ("prod/settings.txt", "one".to_owned()),
    ];
    let mut world = world(&cluster, "generated", &namespace, &files, "").await;
    world.agent.run().await.unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    let first = maps(&world).await;
    assert_eq!(first.len(), 2, "{first:?}");
    assert!(first[1].starts_with("settings-"), "{first:?}");

    let api: Api<ConfigMap> = Api::namespaced(world.client.clone(), &namespace);
    let version = api
        .list(&Default::default())
        .await
        .unwrap()
        .metadata
        .resource_version
        .unwrap();
    let person = world.repo.work_copy().unwrap();
    person.write("prod/settings.txt", "two").unwrap();
    person.commit("Other settings").unwrap();
    person.push().unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    let events = api.watch(&WatchParams::default(), &version).await.unwrap();
    let of_settings = events.try_filter_map(|event| async move {
        let (verb, map) = match event {
            WatchEvent::Added(map) => ("added", map),
            WatchEvent::Deleted(map) => ("deleted", map),
            _ => return Ok(None),
        };
        Ok(map
            .metadata
            .name
            .filter(|name| name.starts_with("settings-"))
            .map(|_| verb))
    });
    let verbs: Vec<_> = of_settings.take(2).try_collect().await.unwrap();
    assert_eq!(verbs, ["added", "deleted"]);
    let second = maps(&world).await;
    assert_eq!(second.len(), 2, "{second:?}");

    person.write("prod/settings.txt", "three").unwrap();
    person.write("prod/kustomization.yaml", "namePrefix: [a]\n").unwrap();
    person.write("plain.yaml", &plain("two")).unwrap();
    person.commit("Break the folder").unwrap();
    person.push().unwrap();
    let said = world.agent.call(&["sync"]).await.unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
    assert!(
        said.contains("prod") && said.contains("not rendered") && said.contains("namePrefix"),
        "{said}"
    );
    assert!(!said.contains("tidegate-render"), "no temporary folder: {said}");
    assert_eq!(maps(&world).await, second, "nothing is deleted");
    let live = api.get("plain").await.unwrap();
    assert_eq!(live.data.unwrap()["a"], "two", "and everything else is applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_without_a_namespace_go_into_the_one_of_the_configuration() {
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("defaulted-{}", std::process::id());
    let map = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: defaulted}\n";
    let files = [
        ("namespace.yaml", namespace_file(&namespace)),
        ("plain.yaml", map("plain") + "---\n" + role),
        ("prod/kustomization.yaml", "resources: [map.yaml]\n".to_owned()),
        ("prod/map.yaml", map("rendered")),
    ];
    let mut world = world(&cluster, "defaulted", &namespace, &files, "").await;
    let more = format!("sync: {{set: defaulted, namespace: {namespace}}}\n");
    let configure = |options: &mut Options| options.more = options.more.replace("sync: {set: defaulted}\n", &more);
    world.agent.configure(configure).unwrap();
    world.agent.run().await.unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    assert_eq!(maps(&world).await, ["plain", "rendered"]);
    let person = world.repo.work_copy().unwrap();
    person.remove("plain.yaml").unwrap();
    person.commit("Remove the map").unwrap();
    person.push().unwrap();
    world.agent.ask(&["sync"]).await.unwrap();
    assert_eq!(maps(&world).await, ["rendered"], "what was defaulted is pruned, too");
}
