//! A target on a real API server, and its commits.

#![expect(clippy::unwrap_used, reason = "the steps of a test may fail, and then say where")]

use k8s_openapi::api::core::v1::Namespace;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidegate::cluster::{Access, ApiServer, Connection, RecordMap};
use tidegate::model::{CommitId, ObjectId, Position, RepoPath, TargetId};
use tidegate::port::{TargetApi as _, TargetState};
use tidegate::resource::{DeletionLimit, Intent, Object, Origin, Packed, Protected, SetName, Suspended};
use tidegate::sync::Target as Cluster;
use tidegate::sync::{Approval, SyncReport, Syncer};
use tidegate_stack::ControlPlane;

/// A target on a server, in namespaces of its own.
pub struct Target {
    pub client: Client,
    pub server: Arc<ApiServer>,
    pub syncer: Syncer<ApiServer, RecordMap>,
    pub namespace: String,
    pub commits: u8,
}

impl Target {
    pub async fn on(control_plane: &ControlPlane, name: &str) -> Self {
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
        let cluster = connect(control_plane, name).await;
        Self {
            client,
            server: Arc::clone(&cluster.api),
            syncer: Syncer::new(cluster, DeletionLimit::default()),
            namespace: name.to_owned(),
            commits: 0,
        }
    }

    /// The agent's process ends and another one starts.
    pub async fn restart(&mut self, control_plane: &ControlPlane) {
        let cluster = connect(control_plane, &self.namespace).await;
        self.server = Arc::clone(&cluster.api);
        self.syncer = Syncer::new(cluster, DeletionLimit::default());
    }

    pub fn commit(&mut self, objects: Vec<(Value, Intent)>) -> TargetState {
        self.commits += 1;
        declared(&TargetId::here(), self.commits, &self.namespace, objects)
    }

    pub fn plain(&mut self, objects: Vec<Value>) -> TargetState {
        self.commit(objects.into_iter().map(|value| (value, Intent::default())).collect())
    }

    pub async fn pass(&mut self, declared: &TargetState) -> SyncReport {
        self.syncer.pass(declared, Approval::default()).await
    }

    /// Runs passes, woken by the watches as the loop is, until a report meets the condition.
    pub async fn pass_until(&mut self, declared: &TargetState, condition: impl Fn(&SyncReport) -> bool) -> SyncReport {
        let server = self.server.clone();
        let mut changes = server.observed().subscribe();
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut last = None;
        while Instant::now() < deadline {
            changes.mark_unchanged();
            let report = self.pass(declared).await;
            if condition(&report) {
                return report;
            }
            // A pass is due in minutes where only a rollout is waited for; the condition may hold before.
            let longest = Duration::from_secs(5);
            let pause = report.next_try.unwrap_or(longest).min(longest);
            last = Some(report);
            let _ = tokio::time::timeout(pause, changes.changed()).await;
        }
        panic!("not within 60 s; the last pass said {last:#?}");
    }

    pub fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub fn requests(&self) -> u64 {
        self.server.requests()
    }
}

/// What a commit declares for a target. A namespace of `null` becomes `namespace`.
pub fn declared(target: &TargetId, commit: u8, namespace: &str, objects: Vec<(Value, Intent)>) -> TargetState {
    let objects = objects.into_iter().enumerate().map(|(index, (mut value, intent))| {
        if value["metadata"].get("namespace") == Some(&Value::Null) {
            value["metadata"]["namespace"] = json!(namespace);
        }
        let text = |pointer: &str| {
            value
                .pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        Arc::new(Object {
            id: ObjectId::new(
                &api_version,
                &kind,
                value.pointer("/metadata/namespace").and_then(Value::as_str),
                &text("/metadata/name"),
            ),
            api_version,
            value: Packed::of(&value),
            intent,
            origin: Origin::File {
                path: RepoPath::parse(&format!("workloads/{index:04}.yaml")).unwrap(),
                position: Position { line: 1, column: 1 },
            },
        })
    });
    TargetState {
        target: target.clone(),
        commit: CommitId::from_bytes([commit; 20]),
        objects: objects.collect(),
        findings: vec![],
        units: [].into(),
        complete: true,
        suspended: Suspended::default(),
    }
}

/// The target in the server of `control_plane`, as an agent in the namespace `NAME-agent` has it.
pub async fn connect(control_plane: &ControlPlane, name: &str) -> Cluster<ApiServer, RecordMap> {
    let access = Access::Kubeconfig {
        path: control_plane.kubeconfig().to_owned(),
        context: None,
    };
    connect_with(access, TargetId::here(), &format!("{name}-agent")).await
}

/// A target with its record in this namespace.
pub async fn connect_with(access: Access, id: TargetId, namespace: &str) -> Cluster<ApiServer, RecordMap> {
    connect_in(access, id, namespace, &[]).await
}

/// As [`connect_with`], for an agent that works in some namespaces only.
pub async fn connect_in(
    access: Access,
    id: TargetId,
    namespace: &str,
    namespaces: &[String],
) -> Cluster<ApiServer, RecordMap> {
    let connection = Arc::new(Connection::open(&access).await.unwrap());
    let set = SetName {
        namespace: namespace.to_owned(),
        name: id.to_string(),
    };
    Cluster {
        id,
        api: Arc::new(ApiServer::new(Arc::clone(&connection), &set.id()).in_namespaces(namespaces)),
        protected: Protected {
            fence: Vec::new(),
            // The objects of the tests lie where the record lies; an agent's own lies in another namespace.
            namespaces: BTreeSet::from(["tidegate".to_owned()]),
            objects: BTreeSet::from([set.object()]),
        },
        record: Arc::new(RecordMap::new(connection, set)),
    }
}

pub fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": null}, "data": {"key": value}})
}

pub fn service(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": null},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80}]}})
}

pub fn definition() -> Value {
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object",
                "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}}}]}})
}

pub fn widget(namespace: &str) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": namespace}, "spec": {"size": 3}})
}

pub fn deployment(name: &str, tag: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": null},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": format!("example.com/app:{tag}")}]}}}})
}
