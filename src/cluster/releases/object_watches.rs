//! The watches of the objects that belong to releases, one for each kind. Only their metadata is read.

use super::reduce::mark;
use super::store::{SeenObject, Store};
use crate::cluster::connection::Connection;
use crate::cluster::discovery::Discovery;
use crate::cluster::resource_path::{api, api_resource};
use crate::cluster::watches::{News, follow};
use crate::model::ObjectId;
use crate::port::Freshness;
use crate::release::{MANAGED_BY, release_of};
use crate::resource::{GroupKind, ServedKind};
use futures::future::join_all;
use kube::Api;
use kube::api::{DynamicObject, ObjectMeta};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{Config, Event, watcher};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// How soon the server is asked again for a kind that it did not serve, as the kinds of definitions that are yet to come.
const UNSERVED: Duration = Duration::from_secs(60);

/// The running watches.
#[derive(Default)]
pub(super) struct ObjectWatches(Mutex<BTreeMap<GroupKind, JoinHandle<()>>>);

/// What each watch needs.
#[derive(Clone)]
pub(super) struct Around {
    pub(super) connection: Arc<Connection>,
    pub(super) discovery: Arc<Discovery>,
    pub(super) store: Arc<Store>,
    /// The namespaces that are listed; empty: the whole cluster.
    pub(super) namespaces: Arc<[String]>,
}

impl ObjectWatches {
    /// Watches exactly these kinds.
    pub(super) fn keep(&self, kinds: BTreeSet<GroupKind>, around: &Around) {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (kind, task) in running.extract_if(.., |kind, _| !kinds.contains(kind)) {
            task.abort();
            around.store.forget_kind(&kind);
        }
        for kind in kinds {
            running.entry(kind).or_insert_with_key(|kind| {
                around.store.expect_kind(kind);
                tokio::spawn(watch(kind.clone(), around.clone()))
            });
        }
    }
}

impl Drop for ObjectWatches {
    fn drop(&mut self) {
        let running = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        running.values().for_each(JoinHandle::abort);
    }
}

async fn watch(kind: GroupKind, around: Around) {
    loop {
        let none = BTreeSet::new();
        let found = around
            .discovery
            .kinds(&around.connection, &none, Freshness::Cached)
            .await;
        if let Some(served) = found.ok().and_then(|mut kinds| kinds.preferred.remove(&kind)) {
            return follow_kind(served, around).await;
        }
        around.store.kind_failed(&kind);
        tokio::time::sleep(UNSERVED).await;
        around.discovery.expire();
    }
}

async fn follow_kind(served: ServedKind, around: Around) {
    let scopes: Vec<Option<String>> = match around.namespaces.is_empty() || !served.namespaced {
        true => vec![None],
        false => around.namespaces.iter().cloned().map(Some).collect(),
    };
    around.store.expect_objects(&served.kind.kind, &scopes);
    let lists = scopes.into_iter().map(|scope| follow_list(&served, scope, &around));
    join_all(lists).await;
}

/// Follows the objects of a kind in a namespace; `None`: in the whole cluster.
async fn follow_list(served: &ServedKind, namespace: Option<String>, around: &Around) {
    let (kind, store) = (&served.kind.kind, &around.store);
    let client = around.connection.client.clone();
    let api: Api<PartialObjectMeta<DynamicObject>> = api(client, namespace.as_deref(), &api_resource(served));
    let selector = format!("{}={}", MANAGED_BY.0, MANAGED_BY.1);
    let begin = || watcher(api.clone(), Config::default().labels(&selector));
    let mut found = Vec::new();
    let take = |news| match news {
        News::Event(Event::Init) => found.clear(),
        News::Event(Event::InitApply(object)) => found.extend(seen(kind, &object)),
        News::Event(Event::InitDone) => store.set_objects(kind, &namespace, std::mem::take(&mut found)),
        News::Event(Event::Apply(object)) => match seen(kind, &object) {
            Some(object) => store.put_object(kind, object),
            None => store.remove_object(kind, &id(kind, &object.metadata)),
        },
        News::Event(Event::Delete(object)) => store.remove_object(kind, &id(kind, &object.metadata)),
        News::Expired => {}
        News::Failed(reason) => {
            tracing::debug!(%kind, reason, "objects of releases are not followed");
            store.kind_failed(kind);
        }
    };
    follow(around.connection.url(), begin, take).await;
}

fn id(kind: &GroupKind, metadata: &ObjectMeta) -> ObjectId {
    ObjectId {
        group: kind.group.clone(),
        kind: kind.kind.clone(),
        namespace: metadata.namespace.clone(),
        name: metadata.name.clone().unwrap_or_default(),
    }
}

/// An object that names its release. One that is being deleted counts as gone.
fn seen(kind: &GroupKind, object: &PartialObjectMeta<DynamicObject>) -> Option<SeenObject> {
    let metadata = &object.metadata;
    let annotations = metadata.annotations.as_ref()?;
    let release = release_of(|key| annotations.get(key).map(String::as_str))?;
    let id = id(kind, metadata);
    let mark = mark(&id, metadata);
    metadata
        .deletion_timestamp
        .is_none()
        .then_some(SeenObject { id, release, mark })
}
