//! The watches of ConfigMaps and Secrets with values, one for each object.

use super::store::Store;
use crate::cluster::connection::Connection;
use crate::cluster::watches::{News, follow};
use crate::model::SecretBytes;
use crate::port::SourceText;
use crate::release::{SourceKey, SourceObject};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, ResourceExt as _};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinHandle;

/// The watch of an object, and the keys that it reads.
type Following = (BTreeSet<SourceKey>, JoinHandle<()>);

/// The running watches.
#[derive(Default)]
pub(super) struct Sources(Mutex<BTreeMap<SourceObject, Following>>);

impl Sources {
    /// Follows exactly these sources.
    pub(super) fn keep(&self, sources: BTreeSet<SourceKey>, connection: &Arc<Connection>, store: &Arc<Store>) {
        let mut objects: BTreeMap<SourceObject, BTreeSet<SourceKey>> = BTreeMap::new();
        for key in sources {
            objects.entry(key.object.clone()).or_default().insert(key);
        }
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |object: &SourceObject, keys: &BTreeSet<SourceKey>| objects.get(object) == Some(keys);
        let stale: Vec<SourceObject> = running
            .iter()
            .filter(|(object, (keys, _))| !is_same(object, keys))
            .map(|(object, _)| object.clone())
            .collect();
        for object in stale {
            if let Some((keys, task)) = running.remove(&object) {
                task.abort();
                keys.iter().for_each(|key| store.forget_source(key));
            }
        }
        for (object, keys) in objects {
            if let Entry::Vacant(entry) = running.entry(object) {
                keys.iter().for_each(|key| store.put_source(key, SourceText::Unknown));
                let task = follow_object(
                    entry.key().clone(),
                    keys.clone(),
                    Arc::clone(connection),
                    Arc::clone(store),
                );
                entry.insert((keys, tokio::spawn(task)));
            }
        }
    }
}

impl Drop for Sources {
    fn drop(&mut self) {
        for (_, task) in self.0.get_mut().unwrap_or_else(PoisonError::into_inner).values() {
            task.abort();
        }
    }
}

async fn follow_object(
    object: SourceObject,
    keys: BTreeSet<SourceKey>,
    connection: Arc<Connection>,
    store: Arc<Store>,
) {
    let SourceObject {
        is_secret,
        namespace,
        name,
    } = object;
    match is_secret {
        true => {
            let api: Api<Secret> = Api::namespaced(connection.client.clone(), &namespace);
            let text = |secret: &Secret, key: &str| secret.data.as_ref()?.get(key).map(|bytes| bytes.0.clone());
            follow_one(api, &name, &keys, &connection, &store, text).await;
        }
        false => {
            let api: Api<ConfigMap> = Api::namespaced(connection.client.clone(), &namespace);
            let text = |map: &ConfigMap, key: &str| map.data.as_ref()?.get(key).map(|text| text.clone().into_bytes());
            follow_one(api, &name, &keys, &connection, &store, text).await;
        }
    }
}

async fn follow_one<K>(
    api: Api<K>,
    name: &str,
    keys: &BTreeSet<SourceKey>,
    connection: &Connection,
    store: &Store,
    text: impl Fn(&K, &str) -> Option<Vec<u8>>,
) where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
    K::DynamicType: Default + Clone,
{
    let note = |object: Option<&K>| {
        for key in keys {
            let found = object.and_then(|object| text(object, &key.key));
            let found = found.map(|bytes| SourceText::Text(Arc::new(SecretBytes::new(bytes))));
            store.put_source(key, found.unwrap_or(SourceText::Absent));
        }
    };
    let config = Config::default().fields(&format!("metadata.name={name}"));
    let begin = || watcher(api.clone(), config.clone());
    let mut listed = None;
    let take = |news| match news {
        News::Event(Event::Init) => listed = None,
        News::Event(Event::InitApply(object)) => listed = Some(object),
        News::Event(Event::InitDone) => note(listed.take().as_ref()),
        News::Event(Event::Apply(object)) if object.name_any() == name => note(Some(&object)),
        News::Event(Event::Delete(object)) if object.name_any() == name => note(None),
        News::Event(_) | News::Expired => {}
        News::Failed(reason) => fail(keys, store, &reason),
    };
    follow(connection.url(), begin, take).await;
}

/// What is known of the sources stays while the server is away. A source that was never read fails.
fn fail(keys: &BTreeSet<SourceKey>, store: &Store, reason: &str) {
    let view = store.view();
    for key in keys {
        if !matches!(view.sources.get(key), Some(SourceText::Text(_) | SourceText::Absent)) {
            store.put_source(key, SourceText::Failed(reason.to_owned()));
        }
    }
}
