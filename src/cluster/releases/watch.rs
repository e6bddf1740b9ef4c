//! The watches of HelmReleases and of Helm's storage. Each runs until its task is aborted, and lists again after a failure.

use super::reduce::{api_resource, release, release_id, stored};
use super::store::{List, Store};
use crate::cluster::connection::Connection;
use crate::cluster::resource_path::api;
use kube::Api;
use kube::api::{ApiResource, DynamicObject};
use kube::core::PartialObjectMeta;
use kube::runtime::watcher::{Config, Event, watcher};
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
    let api: Api<DynamicObject> = api(connection.client.clone(), namespace.as_deref(), &api_resource());
    let begin = || watcher(api.clone(), Config::default().labels(&selector));
    let mut found = Vec::new();
    store
        .follow(&connection, &list, begin, |event| match event {
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
    let api: Api<PartialObjectMeta<DynamicObject>> = api(connection.client.clone(), namespace.as_deref(), &secrets());
    let begin = || watcher(api.clone(), Config::default().labels(STORAGE));
    let mut found = Vec::new();
    store
        .follow(&connection, &list, begin, |event| match event {
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

pub(super) fn secrets() -> ApiResource {
    ApiResource {
        group: String::new(),
        version: "v1".to_owned(),
        api_version: "v1".to_owned(),
        kind: "Secret".to_owned(),
        plural: "secrets".to_owned(),
    }
}
