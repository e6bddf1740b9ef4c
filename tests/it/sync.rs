//! The sync pass against a real API server: what is sent, what comes of it, and what is left alone.
//!
//! A server of its own has a test that counts requests of the whole server, makes kinds, or stops the server.

#![expect(clippy::unwrap_used, reason = "the steps of a test may fail, and then say where")]

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Service};
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidegate::catalog::{Declared, DeclaredObject};
use tidegate::cluster::{Access, ApiServer};
use tidegate::manifest::{Document, Drift, Ignore, Intent};
use tidegate::model::{CommitId, ObjectId, Position, RepoPath};
use tidegate::port::Cluster as _;
use tidegate::resource::DeletionLimit;
use tidegate::sync::{Change, Consent, SyncReport, Syncer};
use tidegate_stack::ControlPlane;
use tidegate_stack::control_plane::Options;

/// One set on a server, in namespaces of its own.
struct Target {
    client: Client,
    server: Arc<ApiServer>,
    syncer: Syncer<ApiServer>,
    namespace: String,
    commits: u8,
}

impl Target {
    async fn on(control_plane: &ControlPlane, name: &str) -> Self {
        let client = control_plane.client_named("somebody-else").await.unwrap();
        for namespace in [format!("{name}-agent"), name.to_owned()] {
            let body = Namespace {
                metadata: ObjectMeta {
                    name: Some(namespace),
                    ..ObjectMeta::default()
                },
                ..Namespace::default()
            };
            Api::<Namespace>::all(client.clone())
                .create(&PostParams::default(), &body)
                .await
                .unwrap();
        }
        let server = Arc::new(connect(control_plane, name).await);
        Self {
            client,
            syncer: Syncer::new(server.clone(), DeletionLimit::default()),
            server,
            namespace: name.to_owned(),
            commits: 0,
        }
    }

    /// The agent's process ends and another one starts.
    async fn restart(&mut self, control_plane: &ControlPlane) {
        self.server = Arc::new(connect(control_plane, &self.namespace).await);
        self.syncer = Syncer::new(self.server.clone(), DeletionLimit::default());
    }

    fn commit(&mut self, objects: Vec<(Value, Intent)>) -> Declared {
        self.commits += 1;
        let objects = objects.into_iter().enumerate().map(|(index, (mut value, intent))| {
            if value["metadata"].get("namespace") == Some(&Value::Null) {
                value["metadata"]["namespace"] = json!(self.namespace);
            }
            let text = |pointer: &str| {
                value
                    .pointer(pointer)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            let (api_version, kind) = (text("/apiVersion"), text("/kind"));
            DeclaredObject {
                path: RepoPath::parse(&format!("workloads/{index:04}.yaml")).unwrap(),
                document: Arc::new(Document {
                    object: ObjectId::new(
                        &api_version,
                        &kind,
                        value.pointer("/metadata/namespace").and_then(Value::as_str),
                        &text("/metadata/name"),
                    ),
                    api_version,
                    position: Position { line: 1, column: 1 },
                    value,
                    images: vec![],
                    intent,
                }),
            }
        });
        Declared {
            commit: CommitId::from_bytes([self.commits; 20]),
            objects: objects.collect(),
            beside: Default::default(),
            findings: vec![],
            complete: true,
            parsed: 0,
            blobs: BTreeMap::new(),
            has_twins: false,
        }
    }

    fn plain(&mut self, objects: Vec<Value>) -> Declared {
        self.commit(objects.into_iter().map(|value| (value, Intent::default())).collect())
    }

    async fn pass(&mut self, declared: &Declared) -> SyncReport {
        self.syncer.pass(declared, Consent::default()).await
    }

    /// Passes, woken by the watches as the loop is, until one says what is wanted.
    async fn pass_until(&mut self, declared: &Declared, wanted: impl Fn(&SyncReport) -> bool) -> SyncReport {
        let server = self.server.clone();
        let mut changes = server.observed().subscribe();
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut last = None;
        while Instant::now() < deadline {
            changes.mark_unchanged();
            let report = self.pass(declared).await;
            if wanted(&report) {
                return report;
            }
            let pause = report.next_try.unwrap_or(Duration::from_secs(5));
            last = Some(report);
            let _ = tokio::time::timeout(pause, changes.changed()).await;
        }
        panic!("not within 20 s; the last pass said {last:#?}");
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    fn ours(&self) -> u64 {
        self.server.requests()
    }
}

async fn connect(control_plane: &ControlPlane, name: &str) -> ApiServer {
    let access = Access {
        kubeconfig: Some(control_plane.kubeconfig().to_owned()),
        context: None,
        namespace: Some(format!("{name}-agent")),
        record: "here".into(),
    };
    ApiServer::connect(access).await.unwrap()
}

fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": null}, "data": {"key": value}})
}

fn service(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": null},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80}]}})
}

fn definition() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object",
                "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}}}]}})
}

fn widget(namespace: &str) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": namespace}, "spec": {"size": 3}})
}

fn deployment(name: &str, tag: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": null},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": format!("example.com/app:{tag}")}]}}}})
}

#[tokio::test]
async fn a_commit_is_applied_and_the_same_commit_again_sends_nothing() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-apply").await;
    let declared = target.plain(vec![deployment("web", "1"), service("web"), config_map("web", "a")]);

    let report = target.pass(&declared).await;
    assert!(report.is_in_sync(), "{report:#?}");
    assert_eq!(report.count(Change::Created), 3);
    let live = target.api::<Deployment>().get("web").await.unwrap();
    assert_eq!(
        live.spec.template.spec.unwrap().containers[0].image.as_deref(),
        Some("example.com/app:1")
    );

    let before = target.ours();
    for _ in 0..5 {
        let report = target.pass(&declared).await;
        assert_eq!((report.untouched, report.requests), (3, 0), "{report:#?}");
    }
    assert_eq!(target.ours(), before);

    let bumped = target.plain(vec![deployment("web", "2"), service("web"), config_map("web", "a")]);
    let report = target.pass(&bumped).await;
    assert_eq!(report.count(Change::Configured), 1, "{report:#?}");
    assert_eq!(report.applied.len(), 1);
    assert_eq!(report.untouched, 2);
}

#[tokio::test]
async fn an_edited_field_is_put_back_with_exactly_one_apply() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut target = Target::on(&control_plane, "sync-drift").await;
    let declared = target.plain(vec![deployment("web", "1"), deployment("api", "1")]);
    target.pass(&declared).await;
    target.pass_until(&declared, |report| report.requests == 0).await;

    let mark = control_plane.audit_mark();
    let edit =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "example.com/app:evil"}]}}}});
    let params = PatchParams {
        field_manager: Some("kubectl-set".into()),
        ..PatchParams::default()
    };
    let started = Instant::now();
    target
        .api::<Deployment>()
        .patch("web", &params, &Patch::Strategic(&edit))
        .await
        .unwrap();
    let report = target
        .pass_until(&declared, |report| report.count(Change::Repaired) == 1)
        .await;
    println!("put back {:?} after the edit", started.elapsed());
    assert_eq!(report.applied.len(), 1);
    assert_eq!(report.applied[0].by.as_deref(), Some("kubectl-set"));
    let live = target.api::<Deployment>().get("web").await.unwrap();
    assert_eq!(
        live.spec.template.spec.unwrap().containers[0].image.as_deref(),
        Some("example.com/app:1")
    );
    for _ in 0..10 {
        target.pass(&declared).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let requests = control_plane.requests_since(&mark).await.unwrap();
    let ours: Vec<_> = requests
        .iter()
        .filter(|request| request.user_agent.starts_with("tidegate/") && request.resource == "deployments")
        .filter(|request| request.verb != "watch")
        .collect();
    assert_eq!(ours.len(), 1, "{ours:#?}");
    assert_eq!((ours[0].verb.as_str(), ours[0].name.as_str()), ("patch", "web"));
}

#[tokio::test]
async fn a_deleted_service_comes_back() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-gone").await;
    let declared = target.plain(vec![service("web"), config_map("a", "1")]);
    target.pass(&declared).await;
    target.pass_until(&declared, |report| report.requests == 0).await;
    target
        .api::<Service>()
        .delete("web", &DeleteParams::default())
        .await
        .unwrap();
    let report = target
        .pass_until(&declared, |report| report.count(Change::Repaired) == 1)
        .await;
    assert_eq!(report.applied.len(), 1);
    assert!(target.api::<Service>().get("web").await.is_ok());
}

#[tokio::test]
async fn what_left_the_repo_is_deleted_and_what_is_not_ours_alone_stays() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-prune").await;
    let keep = |value: Value, key: &str, text: &str| {
        let mut value = value;
        value["metadata"]["annotations"] = json!({key: text});
        value
    };
    let mut objects: Vec<Value> = (0..30).map(|n| config_map(&format!("c{n}"), "1")).collect();
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": null},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    let all = |objects: &[Value]| {
        let mut all = objects.to_vec();
        all.extend([
            service("web"),
            keep(config_map("kept", "1"), "tidegate.dev/prune", "disabled"),
            keep(config_map("sync-only", "1"), "fluxcd.io/ignore", "sync_only"),
            claim.clone(),
        ]);
        all
    };
    let declared = target.plain(all(&objects));
    let report = target.pass(&declared).await;
    assert!(report.is_in_sync(), "{report:#?}");
    let owned = json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Service", "name": "web",
        "uid": target.api::<Service>().get("web").await.unwrap().uid().unwrap()}]}});
    target
        .api::<ConfigMap>()
        .patch("c1", &PatchParams::default(), &Patch::Merge(&owned))
        .await
        .unwrap();
    let label = target.api::<ConfigMap>().get("c0").await.unwrap().labels().clone();
    let copied = ConfigMap {
        metadata: ObjectMeta {
            name: Some("copied-label".into()),
            labels: Some(label),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    };
    target
        .api::<ConfigMap>()
        .create(&PostParams::default(), &copied)
        .await
        .unwrap();

    objects.drain(0..2);
    let shrunk = target.plain(objects.clone());
    let report = target
        .pass_until(&shrunk, |report| report.kept.len() == 5 && report.pruned.is_empty())
        .await;
    let left = |name: &'static str| {
        let api = target.api::<ConfigMap>();
        async move { api.get_opt(name).await.unwrap().is_some() }
    };
    assert!(!left("c0").await, "undeclared: {report:#?}");
    assert!(left("c1").await, "owned by another object");
    assert!(left("kept").await && left("sync-only").await && left("copied-label").await);
    assert!(target.api::<Service>().get_opt("web").await.unwrap().is_none());
    let claims = target.api::<k8s_openapi::api::core::v1::PersistentVolumeClaim>();
    assert!(claims.get_opt("data").await.unwrap().is_some(), "holds data");
}

#[tokio::test]
async fn nothing_is_deleted_after_an_incomplete_reading_or_above_the_limit_until_confirmed() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-limit").await;
    let objects: Vec<Value> = (0..12).map(|n| config_map(&format!("c{n}"), "1")).collect();
    let declared = target.plain(objects.clone());
    target.pass(&declared).await;
    target.pass_until(&declared, |report| report.requests == 0).await;
    let count = async |target: &Target| {
        let maps = target.api::<ConfigMap>().list(&Default::default()).await.unwrap();
        maps.iter().filter(|map| map.name_any().starts_with('c')).count()
    };

    let mut broken = target.plain(objects[..11].to_vec());
    broken.complete = false;
    let report = target.pass(&broken).await;
    assert!(
        report.prune_blocked.as_ref().unwrap().contains("not every file"),
        "{report:#?}"
    );
    assert_eq!(count(&target).await, 12);

    let emptied = target.plain(vec![]);
    let report = target.pass(&emptied).await;
    let waiting = report.waiting.as_ref().unwrap();
    assert_eq!(waiting.objects.len(), 12);
    assert!(
        waiting.remedy.contains(&emptied.commit.to_string()),
        "{}",
        waiting.remedy
    );
    assert_eq!(count(&target).await, 12);

    let consent = Consent {
        confirmed: Some(declared.commit),
        ..Consent::default()
    };
    let report = target.syncer.pass(&emptied, consent).await;
    assert!(report.waiting.is_some(), "another commit was confirmed");
    let consent = Consent {
        confirmed: Some(emptied.commit),
        ..Consent::default()
    };
    let report = target.syncer.pass(&emptied, consent).await;
    assert_eq!(report.pruned.len(), 12, "{report:#?}");
    assert_eq!(count(&target).await, 0);
}

#[tokio::test]
async fn a_rewritten_history_applies_and_deletes_nothing_until_confirmed() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-history").await;
    let objects: Vec<Value> = (0..12).map(|n| config_map(&format!("c{n}"), "1")).collect();
    let declared = target.plain(objects.clone());
    target.pass(&declared).await;
    target.pass_until(&declared, |report| report.requests == 0).await;
    let other = target.plain(objects[..11].to_vec());
    let broken = Consent {
        history_broken: true,
        ..Consent::default()
    };
    let report = target.syncer.pass(&other, broken).await;
    assert_eq!(report.waiting.unwrap().objects.len(), 1);
    assert_eq!(target.syncer.last_applied().await.unwrap(), Some(declared.commit));
    let consent = Consent {
        confirmed: Some(other.commit),
        history_broken: true,
    };
    assert_eq!(target.syncer.pass(&other, consent).await.pruned.len(), 1);
    assert_eq!(target.syncer.last_applied().await.unwrap(), Some(other.commit));
}

#[tokio::test]
async fn a_definition_its_namespace_and_its_objects_go_in_one_commit_in_any_order() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut target = Target::on(&control_plane, "sync-waves").await;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "sync-waves-new"}});
    let declared = target.plain(vec![widget("sync-waves-new"), namespace, definition()]);
    let preview = target.syncer.preview(&declared, Consent::default()).await.unwrap();
    assert!(
        preview.failed.is_empty() && preview.objects.iter().all(|object| object.change == Change::Created),
        "a plan for a fresh cluster tells of no failure: {preview}"
    );
    assert_eq!(preview.objects.len(), 3);
    let report = target.pass(&declared).await;
    println!(
        "definition, namespace and object in {:?}, {} requests",
        report.took, report.requests
    );
    assert!(report.is_in_sync(), "{report:#?}");
    assert_eq!(report.count(Change::Created), 3);
    let report = target.pass_until(&declared, |report| report.requests == 0).await;
    assert_eq!(report.untouched, 3, "{report:#?}");
}

#[tokio::test]
async fn a_refused_object_is_told_in_the_servers_words_and_the_others_go_on() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-refused").await;
    let mut bad = service("bad");
    bad["spec"]["ports"][0]["port"] = json!(99_999);
    let mut typo = deployment("typo", "1");
    typo["spec"]["replicaz"] = json!(2);
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "secret", "namespace": null},
        "stringData": {"pin": 918_273_645}});
    let unknown =
        json!({"apiVersion": "nowhere.example.com/v1", "kind": "Thing", "metadata": {"name": "x", "namespace": null}});
    let declared = target.plain(vec![bad, config_map("good", "1"), typo, unknown, secret]);
    let report = target.pass(&declared).await;
    assert_eq!(report.count(Change::Created), 1, "{report:#?}");
    let problems = report.problems().join("\n");
    println!("{problems}");
    for part in [
        "workloads/0000.yaml: Service sync-refused/bad: Service \"bad\" is invalid",
        "spec.ports[0].port",
        "replicaz",
        "the cluster does not serve nowhere.example.com/v1 Thing",
    ] {
        assert!(problems.contains(part), "{part} is not in\n{problems}");
    }
    assert_eq!(report.failed.len(), 4);
    assert!(
        problems.contains("Secret sync-refused/secret") && !problems.contains("918273645"),
        "{problems}"
    );
    assert!(report.next_try.is_some());
    let before = target.ours();
    let again = target.pass(&declared).await;
    assert_eq!(again.failed.len(), 4, "told until it is mended");
    assert_eq!(target.ours(), before, "not hammered");
}

#[tokio::test]
async fn drift_is_told_or_passed_over_where_the_manifest_asks_for_it() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-intent").await;
    let with = |drift, ignore| Intent {
        drift,
        ignore,
        ..Intent::default()
    };
    let declared = target.commit(vec![
        (config_map("warn", "1"), with(Drift::Warn, Ignore::No)),
        (config_map("ignore", "1"), with(Drift::Ignore, Ignore::No)),
        (config_map("not-applied", "1"), with(Drift::Repair, Ignore::Yes)),
    ]);
    target.pass(&declared).await;
    assert!(
        target
            .api::<ConfigMap>()
            .get_opt("not-applied")
            .await
            .unwrap()
            .is_none()
    );
    let edit = json!({"data": {"key": "edited"}});
    for name in ["warn", "ignore"] {
        target
            .api::<ConfigMap>()
            .patch(name, &PatchParams::default(), &Patch::Merge(&edit))
            .await
            .unwrap();
    }
    let report = target.pass_until(&declared, |report| !report.drifted.is_empty()).await;
    assert_eq!(report.drifted[0].id.name, "warn");
    assert!(report.applied.is_empty(), "{report:#?}");
    let live = target.api::<ConfigMap>().get("ignore").await.unwrap();
    assert_eq!(live.data.unwrap()["key"], "edited");
}

#[tokio::test]
async fn a_restarted_agent_finds_its_record_and_deletes_what_left_meanwhile() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-restart").await;
    let mut objects: Vec<Value> = (0..8).map(|n| config_map(&format!("c{n}"), "1")).collect();
    objects.push(service("web"));
    let declared = target.plain(objects.clone());
    target.pass(&declared).await;

    target.restart(&control_plane).await;
    assert_eq!(target.syncer.last_applied().await.unwrap(), Some(declared.commit));
    objects.pop();
    let without_service = target.plain(objects);
    let report = target.pass(&without_service).await;
    assert_eq!(
        report.pruned.len(),
        1,
        "the record names kinds that are no longer declared: {report:#?}"
    );
    assert_eq!(report.count(Change::Unchanged), 8);
}

#[tokio::test]
async fn an_api_server_that_is_away_is_one_error_and_the_next_pass_carries_on() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut target = Target::on(&control_plane, "sync-away").await;
    let objects: Vec<Value> = (0..50).map(|n| config_map(&format!("c{n}"), "1")).collect();
    let declared = target.plain(objects.clone());
    target.pass(&declared).await;
    control_plane.stop_api_server();
    let changed: Vec<Value> = (0..50).map(|n| config_map(&format!("c{n}"), "2")).collect();
    let declared = target.plain(changed);
    let report = target.pass(&declared).await;
    let outage = report.outage.unwrap();
    println!("{outage}");
    assert!(
        outage.contains("cannot be reached") && outage.contains("127.0.0.1"),
        "{outage}"
    );
    assert!(report.failed.is_empty() && report.pruned.is_empty());
    control_plane.start_api_server().await.unwrap();
    target
        .pass_until(&declared, |report| report.is_in_sync() && report.unwatched.is_empty())
        .await;
    let live = target.api::<ConfigMap>().get("c49").await.unwrap();
    assert_eq!(live.data.unwrap()["key"], "2");
    target
        .api::<ConfigMap>()
        .delete("c7", &DeleteParams::default())
        .await
        .unwrap();
    target
        .pass_until(&declared, |report| report.count(Change::Repaired) == 1)
        .await;
}

#[tokio::test]
async fn a_preview_says_what_would_happen_and_writes_nothing() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-preview").await;
    let objects: Vec<Value> = (0..8).map(|n| config_map(&format!("c{n}"), "1")).collect();
    let declared = target.plain(objects.clone());
    target.pass(&declared).await;
    let versions = async |target: &Target| -> BTreeMap<String, Option<String>> {
        let maps = target.api::<ConfigMap>().list(&Default::default()).await.unwrap();
        maps.iter()
            .map(|map| (map.name_any(), map.resource_version()))
            .collect()
    };
    let before = versions(&target).await;
    // Server-side apply tells time in whole seconds, and a ConfigMap has no generation.
    tokio::time::sleep(Duration::from_millis(1_100)).await;

    target.restart(&control_plane).await;
    let mut next = objects[..7].to_vec();
    next[0] = config_map("c0", "2");
    next.push(deployment("new", "1"));
    let declared = target.plain(next);
    let preview = target.syncer.preview(&declared, Consent::default()).await.unwrap();
    let text = preview.to_string();
    println!("{text}");
    assert!(
        text.contains("configured  ConfigMap sync-preview/c0  (workloads/0000.yaml)"),
        "{text}"
    );
    assert!(text.contains("created  Deployment sync-preview/new"), "{text}");
    assert!(text.contains("deleted  ConfigMap sync-preview/c7"), "{text}");
    assert!(text.ends_with("6 unchanged"), "{text}");
    assert_eq!(versions(&target).await, before);
}

#[tokio::test]
async fn a_thousand_objects_are_applied_and_a_one_line_commit_sends_one_apply() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut target = Target::on(&control_plane, "sync-thousand").await;
    let mut objects: Vec<Value> = (0..1000).map(|n| config_map(&format!("c{n}"), "1")).collect();
    let declared = target.plain(objects.clone());
    let report = target.pass(&declared).await;
    println!(
        "1,000 objects created in {:?}, {} requests",
        report.took, report.requests
    );
    assert!(report.requests <= 1_010, "{}", report.requests);
    target.pass_until(&declared, |report| report.requests == 0).await;
    objects[500] = config_map("c500", "2");
    let declared = target.plain(objects.clone());
    let report = target.pass(&declared).await;
    println!("one-line commit in {:?}, {} requests", report.took, report.requests);
    assert_eq!(report.applied.len(), 1);
    assert_eq!(report.requests, 2, "one for the object, one for the record");
    let report = target.pass_until(&declared, |report| report.requests == 0).await;
    println!("nothing to do in {:?}", report.took);
    target.restart(&control_plane).await;
    let report = target.pass(&declared).await;
    println!(
        "after a restart {:?}, {} requests, {} unchanged",
        report.took,
        report.requests,
        report.count(Change::Unchanged)
    );
    assert_eq!(report.count(Change::Unchanged), 1_000);
}

#[tokio::test]
async fn an_idle_minute_over_200_objects_sends_nothing_for_any_object() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut target = Target::on(&control_plane, "sync-idle").await;
    let declared = target.plain((0..200).map(|n| deployment(&format!("d{n}"), "1")).collect());
    target.pass(&declared).await;
    target.pass_until(&declared, |report| report.requests == 0).await;
    let mark = control_plane.audit_mark();
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        target.pass(&declared).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let requests = control_plane.requests_since(&mark).await.unwrap();
    let ours = requests
        .iter()
        .filter(|request| request.user_agent.starts_with("tidegate/"))
        .count();
    println!("{ours} requests in an idle minute over 200 objects");
    assert_eq!(ours, 0);
}

#[tokio::test]
async fn a_definition_that_is_taken_away_comes_back_with_its_objects() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut target = Target::on(&control_plane, "sync-taken").await;
    let declared = target.plain(vec![definition(), widget("sync-taken")]);
    target.pass(&declared).await;
    target
        .pass_until(&declared, |report| report.requests == 0 && report.is_in_sync())
        .await;
    let definitions: Api<k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition> =
        Api::all(target.client.clone());
    definitions
        .delete("widgets.example.com", &DeleteParams::default())
        .await
        .unwrap();
    target
        .pass_until(&declared, |report| report.count(Change::Repaired) > 0)
        .await;
    let widgets = kube::api::ApiResource {
        group: "example.com".into(),
        version: "v1".into(),
        api_version: "example.com/v1".into(),
        kind: "Widget".into(),
        plural: "widgets".into(),
    };
    let widgets: Api<kube::api::DynamicObject> = Api::namespaced_with(target.client.clone(), "sync-taken", &widgets);
    let mut back = None;
    let server = target.server.clone();
    let mut changes = server.observed().subscribe();
    for _ in 0..100 {
        target.pass(&declared).await;
        back = widgets.get_opt("w").await.ok().flatten();
        if back.is_some() {
            break;
        }
        let _ = tokio::time::timeout(Duration::from_millis(300), changes.changed()).await;
    }
    assert!(back.is_some());
    let report = target
        .pass_until(&declared, |report| report.is_in_sync() && report.unwatched.is_empty())
        .await;
    assert!(report.pruned.is_empty());

    let without = target.plain(vec![definition()]);
    let report = target.pass_until(&without, |report| !report.pruned.is_empty()).await;
    assert_eq!(report.pruned[0].kind, "Widget");
}

#[tokio::test]
async fn a_rollout_is_followed_to_its_end_and_a_stuck_one_says_what_it_waits_for() {
    let control_plane = ControlPlane::shared_with_pods().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-rollout").await;
    let declared = target.plain(vec![deployment("web", "1")]);
    let started = Instant::now();
    target
        .pass_until(&declared, |report| report.unready.is_empty() && report.untouched == 1)
        .await;
    println!("applied and rolled out in {:?}", started.elapsed());
    let stuck = target.plain(vec![deployment("web", "2-unready")]);
    let report = target
        .pass_until(&stuck, |report| {
            report
                .unready
                .first()
                .is_some_and(|(_, health)| health.to_string().contains("old replicas to go"))
        })
        .await;
    println!("{}", report.unready[0].1);
    let mended = target.plain(vec![deployment("web", "3")]);
    target
        .pass_until(&mended, |report| report.unready.is_empty() && report.untouched == 1)
        .await;
}

#[tokio::test]
async fn an_edited_secret_is_put_back_though_its_manifest_says_string_data() {
    let control_plane = ControlPlane::shared().await.unwrap();
    let mut target = Target::on(&control_plane, "sync-secret").await;
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login", "namespace": null},
        "stringData": {"password": "declared"}});
    let declared = target.plain(vec![secret]);
    let report = target.pass(&declared).await;
    assert!(report.is_in_sync(), "{report:#?}");
    target.pass_until(&declared, |report| report.requests == 0).await;
    let edit = json!({"stringData": {"password": "edited"}});
    let secrets = target.api::<k8s_openapi::api::core::v1::Secret>();
    secrets
        .patch("login", &PatchParams::default(), &Patch::Merge(&edit))
        .await
        .unwrap();
    target
        .pass_until(&declared, |report| report.count(Change::Repaired) == 1)
        .await;
    assert_eq!(
        secrets.get("login").await.unwrap().data.unwrap()["password"].0,
        b"declared"
    );
}

#[tokio::test]
async fn an_account_without_rights_is_told_what_it_lacks_and_does_the_rest() {
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut target = Target::on(&control_plane, "sync-rights").await;
    let client = target.client.clone();
    let account: k8s_openapi::api::core::v1::ServiceAccount =
        serde_json::from_value(json!({"metadata": {"name": "agent"}})).unwrap();
    let agents = "sync-rights-agent";
    Api::namespaced(client.clone(), agents)
        .create(&PostParams::default(), &account)
        .await
        .unwrap();
    let role: k8s_openapi::api::rbac::v1::ClusterRole = serde_json::from_value(json!({
        "metadata": {"name": "agent"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch", "create", "patch", "delete"]}],
    }))
    .unwrap();
    Api::all(client.clone())
        .create(&PostParams::default(), &role)
        .await
        .unwrap();
    let binding: k8s_openapi::api::rbac::v1::ClusterRoleBinding = serde_json::from_value(json!({
        "metadata": {"name": "agent"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "agent"},
        "subjects": [{"kind": "ServiceAccount", "name": "agent", "namespace": agents}],
    }))
    .unwrap();
    Api::all(client).create(&PostParams::default(), &binding).await.unwrap();
    let token = control_plane.service_account_token(agents, "agent").await.unwrap();
    let access = Access {
        kubeconfig: Some(control_plane.kubeconfig_for_token(&token).unwrap()),
        context: None,
        namespace: Some(agents.into()),
        record: "here".into(),
    };
    target.server = Arc::new(ApiServer::connect(access).await.unwrap());
    target.syncer = Syncer::new(target.server.clone(), DeletionLimit::default());
    let declared = target.plain(vec![config_map("a", "1"), service("web")]);
    let report = target.pass(&declared).await;
    let problems = report.problems().join("\n");
    println!("{problems}");
    assert_eq!(report.count(Change::Created), 1, "{report:#?}");
    assert!(problems.contains("cannot patch resource \"services\""), "{problems}");
    assert!(
        problems.contains("Service cannot be watched, drift is not seen: services is forbidden"),
        "{problems}"
    );
}
