//! ConfigMaps and Secrets that readings of the config repo depend on: read on request, and followed by a watch each.

use super::connection::Connection;
use super::watches::{News, follow};
use crate::model::SecretBytes;
use crate::port::{ClusterFailure, InputEntries, InputObjects};
use crate::release::SourceObject;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::ListParams;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, ResourceExt as _};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The labels of Flux v2's controller of Kustomizations.
const KUSTOMIZE_CONTROLLER: &str = "app.kubernetes.io/component=kustomize-controller,app.kubernetes.io/part-of=flux";

const DEADLINE: Duration = Duration::from_secs(15);

/// ConfigMaps and Secrets of one cluster.
pub struct InputStore {
    connection: Arc<Connection>,
    namespace: String,
    running: Mutex<BTreeMap<SourceObject, JoinHandle<()>>>,
    changes: watch::Sender<u64>,
}

impl InputStore {
    /// `namespace` is the agent's own. Sends nothing yet.
    pub fn new(connection: Arc<Connection>, namespace: String) -> Self {
        Self {
            connection,
            namespace,
            running: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }

    async fn read_one(&self, object: &SourceObject) -> Result<Option<InputEntries>, ClusterFailure> {
        let client = self.connection.client.clone();
        Ok(match object.is_secret {
            true => {
                let api: Api<Secret> = Api::namespaced(client, &object.namespace);
                let found = self.connection.within(DEADLINE, api.get_opt(&object.name)).await?;
                found.map(|secret| entries(&secret))
            }
            false => {
                let api: Api<ConfigMap> = Api::namespaced(client, &object.namespace);
                let found = self.connection.within(DEADLINE, api.get_opt(&object.name)).await?;
                found.map(|map| entries(&map))
            }
        })
    }
}

impl InputObjects for InputStore {
    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn read<'a>(&'a self, object: &'a SourceObject) -> BoxFuture<'a, Result<Option<InputEntries>, ClusterFailure>> {
        self.read_one(object).boxed()
    }

    fn running_flux(&self) -> BoxFuture<'_, Result<Option<String>, ClusterFailure>> {
        async {
            let api: Api<Deployment> = Api::all(self.connection.client.clone());
            let params = ListParams::default().labels(KUSTOMIZE_CONTROLLER).limit(100);
            let found = self.connection.within(DEADLINE, api.list(&params)).await?;
            let mut running = found
                .items
                .into_iter()
                .filter(|deployment| deployment.spec.replicas != Some(0));
            Ok(running.next().map(|deployment| {
                let namespace = deployment.namespace().unwrap_or_default();
                format!("{namespace}/{}", deployment.name_any())
            }))
        }
        .boxed()
    }

    fn follow(&self, objects: &BTreeSet<SourceObject>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = running.extract_if(.., |object, _| !objects.contains(object));
        ended.for_each(|(_, task)| task.abort());
        for object in objects {
            if !running.contains_key(object) {
                let task = watched(object.clone(), Arc::clone(&self.connection), self.changes.clone());
                running.insert(object.clone(), tokio::spawn(task));
            }
        }
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

impl Drop for InputStore {
    fn drop(&mut self) {
        let running = self.running.get_mut().unwrap_or_else(PoisonError::into_inner);
        running.values().for_each(JoinHandle::abort);
    }
}

/// A kind with entries.
trait Entries {
    fn entries(&self) -> InputEntries;
}

impl Entries for Secret {
    fn entries(&self) -> InputEntries {
        let data = self.data.iter().flatten();
        data.map(|(entry, ByteString(bytes))| (entry.clone(), SecretBytes::new(bytes.as_slice())))
            .collect()
    }
}

impl Entries for ConfigMap {
    fn entries(&self) -> InputEntries {
        let data = self.data.iter().flatten();
        data.map(|(entry, text)| (entry.clone(), SecretBytes::new(text.as_bytes())))
            .collect()
    }
}

fn entries(object: &impl Entries) -> InputEntries {
    object.entries()
}

/// Counts the changes of an object until the task is aborted.
async fn watched(object: SourceObject, connection: Arc<Connection>, changes: watch::Sender<u64>) {
    match object.is_secret {
        true => watched_kind::<Secret>(&object, &connection, &changes).await,
        false => watched_kind::<ConfigMap>(&object, &connection, &changes).await,
    }
}

async fn watched_kind<K>(object: &SourceObject, connection: &Connection, changes: &watch::Sender<u64>)
where
    K: kube::Resource<Scope = kube::core::NamespaceResourceScope>
        + Entries
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + Send
        + 'static,
    K::DynamicType: Default + Clone,
{
    let api: Api<K> = Api::namespaced(connection.client.clone(), &object.namespace);
    let config = Config::default().fields(&format!("metadata.name={}", object.name));
    // What the last event showed. The first list may differ from what was read before the watch began.
    let mut seen: Option<Option<[u8; 32]>> = None;
    let mut note = |found: Option<&K>| {
        let found = found.map(|found| digest(&found.entries()));
        if seen.replace(found) != Some(found) {
            changes.send_modify(|count| *count = count.wrapping_add(1));
        }
    };
    let mut listed = None;
    let begin = || watcher(api.clone(), config.clone());
    let take = |news| match news {
        News::Event(Event::Init) => listed = None,
        News::Event(Event::InitApply(found)) => listed = Some(found),
        News::Event(Event::InitDone) => note(listed.take().as_ref()),
        News::Event(Event::Apply(found)) if found.name_any() == object.name => note(Some(&found)),
        News::Event(Event::Delete(found)) if found.name_any() == object.name => note(None),
        News::Event(_) | News::Expired | News::Failed(_) => {}
    };
    follow(connection.url(), begin, take).await;
}

fn digest(entries: &InputEntries) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (entry, bytes) in entries {
        for part in [entry.as_bytes(), bytes.expose()] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
    }
    hash.finalize().into()
}
