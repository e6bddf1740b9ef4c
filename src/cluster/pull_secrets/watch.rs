//! The watches. Each runs until its task is aborted, and lists again after a failure.

use super::reduce::{account, place, secret};
use super::store::{List, Store};
use crate::cluster::connection::Connection;
use crate::cluster::watches::namespace_facts;
use crate::spread::{Owner, PULL_SECRET_LABEL, PullSecretFacts};
use k8s_openapi::api::core::v1::{Namespace, Secret, ServiceAccount};
use kube::Api;
use kube::runtime::watcher::{Config, Event, watcher};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) async fn namespaces(connection: Arc<Connection>, store: Arc<Store>) {
    let api: Api<Namespace> = Api::all(connection.client.clone());
    let mut found = BTreeMap::new();
    let begin = || watcher(api.clone(), Config::default());
    store
        .follow(&connection, &List::Namespaces, begin, |event| match event {
            Event::Init => found.clear(),
            Event::InitApply(object) => {
                found.extend([namespace_facts(object)]);
            }
            Event::InitDone => store.set_namespaces(std::mem::take(&mut found)),
            Event::Apply(object) => {
                let (name, facts) = namespace_facts(object);
                store.put_namespace(name, facts);
            }
            Event::Delete(object) => store.remove_namespace(&namespace_facts(object).0),
        })
        .await;
}

/// The Secrets with the label of the set.
pub(super) async fn secrets(connection: Arc<Connection>, store: Arc<Store>, within: Option<String>, set: String) {
    let list = List::Secrets(within.clone());
    let api: Api<Secret> = api(&connection, within.as_deref());
    let selector = format!("{PULL_SECRET_LABEL}={set}");
    let begin = || watcher(api.clone(), Config::default().labels(&selector));
    let read = |object| facts(&set, object);
    let mut found = Vec::new();
    store
        .follow(&connection, &list, begin, |event| match event {
            Event::Init => found.clear(),
            Event::InitApply(object) => found.push(read(object)),
            Event::InitDone => store.set_secrets(&list, std::mem::take(&mut found)),
            Event::Apply(object) => {
                let (place, facts) = read(object);
                store.put_secret(place, facts);
            }
            Event::Delete(object) => {
                let uid = object.metadata.uid.as_deref().unwrap_or_default();
                store.remove_secret(&place(&object.metadata), uid);
            }
        })
        .await;
}

pub(super) async fn accounts(connection: Arc<Connection>, store: Arc<Store>, within: Option<String>, set: String) {
    let list = List::Accounts(within.clone());
    let api: Api<ServiceAccount> = api(&connection, within.as_deref());
    let begin = || watcher(api.clone(), Config::default());
    let read = |object: ServiceAccount| (place(&object.metadata), account(&set, object));
    let mut found = Vec::new();
    store
        .follow(&connection, &list, begin, |event| match event {
            Event::Init => found.clear(),
            Event::InitApply(object) => found.push(read(object)),
            Event::InitDone => store.set_accounts(&list, std::mem::take(&mut found)),
            Event::Apply(object) => {
                let (place, facts) = read(object);
                store.put_account(place, facts);
            }
            Event::Delete(object) => store.remove_account(&place(&object.metadata)),
        })
        .await;
}

/// What is kept of a Secret.
pub(super) fn facts(set: &str, object: Secret) -> ((String, String), PullSecretFacts) {
    let at = place(&object.metadata);
    let owner = Owner {
        set,
        namespace: &at.0,
        name: &at.1,
    };
    let facts = PullSecretFacts::read(owner, &secret(object));
    (at, facts)
}

fn api<K>(connection: &Connection, namespace: Option<&str>) -> Api<K>
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced(connection.client.clone(), namespace),
        None => Api::all(connection.client.clone()),
    }
}
