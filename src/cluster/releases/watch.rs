//! The watches of HelmReleases and of Helm's storage. Each runs until its task is aborted, and lists again after a failure.

use super::reduce::{api_resource, release, release_id, stored};
use super::store::{List, Store};
use crate::cluster::connection::Connection;
use crate::cluster::failure::classify;
use futures::{Stream, StreamExt as _};
use kube::Api;
use kube::api::{ApiResource, DynamicObject};
use kube::core::{DynamicResourceScope, PartialObjectMeta, Resource};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, Error, Event, watcher};
use std::pin::pin;
use std::sync::Arc;

/// The Secrets of Helm.
const STORAGE: &str = "owner=helm";

/// Follows the HelmReleases with the label of the set.
pub(super) async fn releases(
    connection: Arc<Connection>,
    store: Arc<Store>,
    namespace: Option<String>,
    selector: String,
) {
    let list = List::Releases(namespace.clone());
    let api: Api<DynamicObject> = api(&connection, namespace.as_deref(), &api_resource());
    let events = watcher(api, Config::default().labels(&selector)).default_backoff();
    let mut found = Vec::new();
    follow(events, &connection, &store, &list, |event| match event {
        Event::Init => found.clear(),
        Event::InitApply(object) => found.push(release(object)),
        Event::InitDone => store.set_releases(&list, namespace.as_deref(), std::mem::take(&mut found)),
        Event::Apply(object) => store.put_release(release(object)),
        Event::Delete(object) => store.remove_release(&release_id(&object.metadata)),
    })
    .await;
}

/// Follows the revisions in Helm's storage, by their labels.
pub(super) async fn storage(connection: Arc<Connection>, store: Arc<Store>, namespace: Option<String>) {
    let list = List::Storage(namespace.clone());
    let api: Api<PartialObjectMeta<DynamicObject>> = api(&connection, namespace.as_deref(), &secrets());
    let events = watcher(api, Config::default().labels(STORAGE)).default_backoff();
    let mut found = Vec::new();
    follow(events, &connection, &store, &list, |event| match event {
        Event::Init => found.clear(),
        Event::InitApply(object) => found.extend(stored(&object.metadata)),
        Event::InitDone => store.set_stored(&list, namespace.as_deref(), std::mem::take(&mut found)),
        Event::Apply(object) => {
            if let Some(revision) = stored(&object.metadata) {
                store.put_stored(revision);
            }
        }
        Event::Delete(object) => {
            if let Some(revision) = stored(&object.metadata) {
                store.remove_stored(&revision);
            }
        }
    })
    .await;
}

async fn follow<K>(
    events: impl Stream<Item = Result<Event<K>, Error>>,
    connection: &Connection,
    store: &Store,
    list: &List,
    mut take: impl FnMut(Event<K>),
) {
    store.expect(list);
    let mut events = pin!(events);
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => take(event),
            // An expired version is ordinary: the watcher lists again at once.
            Err(Error::WatchError(status)) if status.code == 410 => {}
            Err(error) => store.failed(list, reason(connection, &error)),
        }
    }
}

fn reason(connection: &Connection, error: &Error) -> String {
    match error {
        Error::WatchStartFailed(cause) | Error::InitialListFailed(cause) | Error::WatchFailed(cause) => {
            classify(connection.url(), cause).to_string()
        }
        Error::WatchError(status) => status.message.clone(),
        other => other.to_string(),
    }
}

pub(super) fn secrets() -> ApiResource {
    ApiResource {
        group: String::new(),
        version: "v1".to_owned(),
        api_version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        plural: "secrets".to_owned(),
    }
}

pub(super) fn api<K>(connection: &Connection, namespace: Option<&str>, resource: &ApiResource) -> Api<K>
where
    K: Resource<DynamicType = ApiResource, Scope = DynamicResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced_with(connection.client.clone(), namespace, resource),
        None => Api::all_with(connection.client.clone(), resource),
    }
}
