//! The watches. Each runs until its task is aborted, and lists again after a failure.

use super::objects::api;
use super::reduce::{facts, place};
use super::{copy_store, source_store};
use crate::cluster::connection::Connection;
use crate::cluster::watches::namespace_facts;
use crate::spread::{MIRROR_LABEL, MirrorKind};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::runtime::watcher::{Config, Event, watcher};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) async fn namespaces(connection: Arc<Connection>, store: Arc<copy_store::Store>) {
    let api: Api<Namespace> = Api::all(connection.client.clone());
    let mut found = BTreeMap::new();
    let begin = || watcher(api.clone(), Config::default());
    let take = |event| match event {
        Event::Init => found.clear(),
        Event::InitApply(object) => found.extend([namespace_facts(object)]),
        Event::InitDone => store.set_namespaces(std::mem::take(&mut found)),
        Event::Apply(object) => {
            let (name, facts) = namespace_facts(object);
            store.put_namespace(name, facts);
        }
        Event::Delete(object) => store.remove_namespace(&namespace_facts(object).0),
    };
    store
        .follow(&connection, &copy_store::List::Namespaces, begin, take)
        .await;
}

/// Follows the objects with the agent's label.
pub(super) async fn copies(
    connection: Arc<Connection>,
    store: Arc<copy_store::Store>,
    (kind, namespace): (MirrorKind, Option<String>),
    set: String,
) {
    let api = api(&connection, kind, namespace.as_deref());
    let config = Config::default().labels(&format!("{MIRROR_LABEL}={set}"));
    let begin = || watcher(api.clone(), config.clone());
    let mut found = Vec::new();
    let take = |event| match event {
        Event::Init => found.clear(),
        Event::InitApply(object) => found.push(facts(&set, kind, object)),
        Event::InitDone => store.set_copies((kind, namespace.clone()), std::mem::take(&mut found)),
        Event::Apply(object) => {
            let (place, facts) = facts(&set, kind, object);
            store.put(place, facts);
        }
        Event::Delete(object) => {
            let uid = object.metadata.uid.clone().unwrap_or_default();
            store.remove(&place(kind, &object), &uid);
        }
    };
    let list = copy_store::List::Copies(kind, namespace.clone());
    store.follow(&connection, &list, begin, take).await;
}

/// Follows a list of sources.
pub(super) async fn sources(
    connection: Arc<Connection>,
    store: Arc<source_store::Store>,
    list: source_store::List,
    set: String,
) {
    let (kind, namespace, config) = match &list {
        source_store::List::Named(place) => {
            let config = Config::default().fields(&format!("metadata.name={}", place.name));
            (place.kind, Some(place.namespace.clone()), config)
        }
        source_store::List::Asking(kind, namespace) => (*kind, namespace.clone(), Config::default()),
    };
    let api = api(&connection, kind, namespace.as_deref());
    let begin = || watcher(api.clone(), config.clone());
    let mut found = Vec::new();
    let take = |event| match event {
        Event::Init => found.clear(),
        Event::InitApply(object) => {
            let (place, facts) = facts(&set, kind, object);
            if list.wants(&facts) {
                found.push((place, facts));
            }
        }
        Event::InitDone => store.set_objects(&list, std::mem::take(&mut found)),
        Event::Apply(object) => {
            let (place, facts) = facts(&set, kind, object);
            store.put(&list, place, facts);
        }
        Event::Delete(object) => store.remove(&list, &place(kind, &object)),
    };
    store.follow(&connection, &list, begin, take).await;
}
