//! What the agent applies of generated folders, against `kustomize build | kubectl apply --server-side --dry-run=server`.
//!
//! `TIDEGATE_FOLDERS=500` makes more folders; `TIDEGATE_SEED` repeats a run.

use super::Random;
use crate::agent::kustomize::world;
use crate::agent::world::{World, namespace_file};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::ConfigMap, core::v1::Secret, core::v1::Service};
use kube::api::{Api, ListParams};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use tidegate_stack::{ControlPlane, Tools};

/// Folders of a usual run.
const FOLDERS: usize = 16;
/// The label that the agent gives each object, which kubectl does not know.
const LABEL: &str = "applyset.kubernetes.io/part-of";
/// The bases that folders build on: below `repo.paths`, and elsewhere.
const BASES: [&str; 4] = ["apps/base-0", "apps/group/base-1", "lib/base-2", "lib/deep/base-3"];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_of_generated_folders_is_what_kustomize_and_kubectl_would_apply() {
    let count = std::env::var("TIDEGATE_FOLDERS").map_or(FOLDERS, |count| count.parse().unwrap());
    let mut random = Random::seeded();
    let cluster = ControlPlane::shared().await.unwrap();
    let namespace = format!("oracle-{}", std::process::id());
    let mut files = bases();
    files.insert("apps/namespace.yaml".to_owned(), namespace_file(&namespace));
    let folders: Vec<String> = (0..count)
        .map(|at| folder(&mut random, at, &namespace, &mut files))
        .collect();
    let listed: Vec<(&str, String)> = files.iter().map(|(path, text)| (&**path, text.clone())).collect();
    let mut world = world(&cluster, "oracle", &namespace, &listed, "apps").await;
    world.agent.run().await.unwrap();
    world.agent.ask(&["sync"]).await.unwrap();

    let copy = world.repo.work_copy().unwrap();
    let built = folders.iter().map(|folder| build(&copy.path().join(folder)));
    let mut expected = dry_run(cluster.kubeconfig(), &built.collect::<Vec<_>>().join("---\n"));
    let live = live(&world).await;
    assert!(expected.len() >= count, "{} objects", expected.len());
    for (name, object) in live {
        let expected = expected
            .remove(&name)
            .unwrap_or_else(|| panic!("{name} is applied and not rendered"));
        assert_eq!(object, expected, "{name}");
    }
    assert!(expected.is_empty(), "not applied: {:?}", expected.keys());
}

fn bases() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (at, base) in BASES.iter().enumerate() {
        let name = ["kustomization.yaml", "kustomization.yml", "Kustomization"][at % 3];
        let below = if at == 3 { ", ../../base-2" } else { "" };
        let kustomization = format!(
            "resources: [web.yaml{below}]\nconfigMapGenerator:\n- name: base-{at}\n  files: [data/settings.txt, key=data/settings.txt]\n"
        );
        files.insert(format!("{base}/{name}"), kustomization);
        files.insert(format!("{base}/data/settings.txt"), format!("a: {at}\nb: |\n"));
        files.insert(
            format!("{base}/web.yaml"),
            workload(&format!("web-{at}"), &format!("base-{at}")),
        );
        files.insert(format!("{base}/not-named.yaml"), "kind: [".to_owned());
    }
    let component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: p.yaml, target: {kind: Deployment}}]\n";
    files.insert("lib/component/kustomization.yaml".to_owned(), component.to_owned());
    files.insert(
        "lib/component/p.yaml".to_owned(),
        "- {op: add, path: /spec/minReadySeconds, value: 7}\n".to_owned(),
    );
    files
}

fn workload(name: &str, map: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: 0\n  selector: {{matchLabels: {{app: {name}}}}}\n  \
         template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      containers:\n      - name: app\n        image: example.com/app:1\n        \
         envFrom: [{{configMapRef: {{name: {map}}}}}]\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{selector: \
         {{app: {name}}}, ports: [{{port: 80}}]}}\n"
    )
}

/// Writes a folder of random parts. Its prefix keeps its objects apart from those of others.
fn folder(random: &mut Random, at: usize, namespace: &str, files: &mut BTreeMap<String, String>) -> String {
    let folder = match random.below(3) {
        0 => format!("apps/f{at}"),
        1 => format!("apps/group/f{at}"),
        _ => format!("apps/group/more/f{at}"),
    };
    let up = "../".repeat(folder.matches('/').count() + 1);
    let mut resources = vec!["own.yaml".to_owned()];
    let mut text = format!("namespace: {namespace}\nnamePrefix: f{at}-\n");
    let mut file = |name: &str, text: &str| drop(files.insert(format!("{folder}/{name}"), text.to_owned()));
    file(
        "own.yaml",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: own}, data: {octal: '0644', yes: 'no'}}\n",
    );
    for base in BASES.iter().take(3).chain(BASES.last()) {
        // The last base has the third one in it.
        let is_there = resources.iter().any(|other| other.contains("base-2"));
        if random.one_in(3) && !(is_there && base.ends_with("base-3")) {
            resources.push(format!("{up}{base}"));
        }
    }
    let _ = writeln!(text, "resources: [{}]", resources.join(", "));
    if random.one_in(3) {
        let _ = writeln!(text, "components: [{up}lib/component]");
    }
    if random.one_in(3) {
        text += "patches:\n- path: p.yaml\n- target: {kind: Deployment}\n  patch: '[{\"op\": \"add\", \"path\": \"/spec/paused\", \"value\": true}]'\n";
        file(
            "p.yaml",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: own}, data: {patched: \"1e3\"}}\n",
        );
    }
    if random.one_in(3) {
        text += "secretGenerator:\n- name: secret\n  envs: [env/secret.env]\n  literals: [b=x=y]\n";
        file("env/secret.env", "PASSWORD=hunter2\n");
    }
    if random.one_in(3) {
        text += "labels: [{pairs: {team: shop}, includeSelectors: true}]\ncommonAnnotations: {note: 'a: b'}\n";
    }
    if random.one_in(3) {
        text += "replacements: [{path: r.yaml}]\n";
        file(
            "r.yaml",
            "source: {kind: ConfigMap, name: own, fieldPath: data.octal}\ntargets: [{select: {kind: ConfigMap, name: own}, fieldPaths: [data.yes]}]\n",
        );
    }
    if random.one_in(3) {
        text += "transformers: [t.yaml]\ngenerators: [g.yaml]\n";
        file(
            "t.yaml",
            "{apiVersion: builtin, kind: PrefixTransformer, metadata: {name: t}, prefix: t-, fieldSpecs: [{path: metadata/name}]}\n",
        );
        file(
            "g.yaml",
            "{apiVersion: builtin, kind: ConfigMapGenerator, metadata: {name: g}, files: [plugin/g.txt]}\n",
        );
        file("plugin/g.txt", "of a plugin");
    }
    if random.one_in(3) {
        text += "images: [{name: example.com/app, newTag: \"2\"}]\n";
    }
    file("kustomization.yaml", &text);
    folder
}

fn build(folder: &Path) -> String {
    let output = Command::new(Tools::get("kustomize").unwrap())
        .arg("build")
        .arg(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The objects as the server would have them.
fn dry_run(kubeconfig: &Path, manifests: &str) -> BTreeMap<String, Value> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), manifests).unwrap();
    let output = Command::new(Tools::get("kubectl").unwrap())
        .args([
            "apply",
            "--server-side",
            "--dry-run=server",
            "--field-manager=tidegate",
            "-o",
            "json",
            "-f",
        ])
        .arg(file.path())
        .env("KUBECONFIG", kubeconfig)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let list: Value = serde_json::from_slice(&output.stdout).unwrap();
    list["items"].as_array().unwrap().iter().cloned().map(plain).collect()
}

async fn live(world: &World) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    let (client, namespace) = (world.client.clone(), &*world.namespace);
    all.extend(of_kind(Api::<ConfigMap>::namespaced(client.clone(), namespace)).await);
    all.extend(of_kind(Api::<Secret>::namespaced(client.clone(), namespace)).await);
    all.extend(of_kind(Api::<Service>::namespaced(client.clone(), namespace)).await);
    all.extend(of_kind(Api::<Deployment>::namespaced(client, namespace)).await);
    all
}

async fn of_kind<K>(api: Api<K>) -> Vec<(String, Value)>
where
    K: kube::Resource<DynamicType = ()> + serde::Serialize + serde::de::DeserializeOwned + Clone + std::fmt::Debug,
{
    let listed = api.list(&ListParams::default().labels(LABEL)).await.unwrap();
    let values = listed.items.into_iter().map(|object| {
        let mut value = serde_json::to_value(&object).unwrap();
        (value["apiVersion"], value["kind"]) = (K::api_version(&()).into(), K::kind(&()).into());
        plain(value)
    });
    values.collect()
}

/// An object by its kind and name, without what differs between an apply and a dry run of it.
fn plain(mut object: Value) -> (String, Value) {
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.remove("managedFields");
    metadata.remove("resourceVersion");
    if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
        labels.remove(LABEL);
        if labels.is_empty() {
            metadata.remove("labels");
        }
    }
    object.as_object_mut().unwrap().remove("status");
    (format!("{}/{}", object["kind"], object["metadata"]["name"]), object)
}
