use super::watch::Watch;
use crate::cluster::connection::Connection;
use crate::cluster::discovery::Discovery;
use crate::port::{Kinds, ObservedStore};
use crate::resource::{GroupKind, PART_OF_LABEL, SetId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinHandle;

/// The running watches. They end when this is dropped.
pub(in crate::cluster) struct Watches {
    connection: Arc<Connection>,
    selector: String,
    discovery: Arc<Discovery>,
    namespaces: Arc<[String]>,
    running: Mutex<BTreeMap<GroupKind, JoinHandle<()>>>,
}

impl Watches {
    pub(in crate::cluster) fn new(connection: Arc<Connection>, set: &SetId, discovery: Arc<Discovery>) -> Self {
        Self {
            connection,
            selector: format!("{PART_OF_LABEL}={set}"),
            discovery,
            namespaces: Arc::default(),
            running: Mutex::default(),
        }
    }

    /// Lists and watches only in these namespaces; empty: in the whole cluster.
    pub(in crate::cluster) fn set_namespaces(&mut self, namespaces: &[String]) {
        self.namespaces = namespaces.into();
    }

    /// Watches exactly these kinds, as far as they are served: starts the watches that are missing or have died, and ends
    /// the others.
    pub(in crate::cluster) fn keep(&self, kinds: &BTreeSet<GroupKind>, served: &Kinds, store: &Arc<ObservedStore>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let is_needed = |kind: &&GroupKind| kinds.contains(*kind) && served.preferred.contains_key(*kind);
        let unneeded: Vec<GroupKind> = running.keys().filter(|kind| !is_needed(kind)).cloned().collect();
        for kind in unneeded {
            if let Some(task) = running.remove(&kind) {
                task.abort();
            }
            store.update(|observed| observed.kinds.remove(&kind).is_some());
        }
        for kind in kinds {
            if running.get(kind).is_some_and(|task| !task.is_finished()) {
                continue;
            }
            let Some(served) = served.preferred.get(kind) else {
                continue;
            };
            store.update(|observed| {
                observed.kinds.entry(kind.clone()).or_default().synced = false;
                true
            });
            let watch = Watch {
                client: self.connection.client.clone(),
                url: self.connection.url.clone(),
                served: served.clone(),
                selector: self.selector.clone(),
                discovery: Arc::clone(&self.discovery),
                store: Arc::clone(store),
                namespaces: Arc::clone(&self.namespaces),
            };
            running.insert(kind.clone(), tokio::spawn(watch.run()));
        }
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        let running = self.running.get_mut().unwrap_or_else(PoisonError::into_inner);
        for task in running.values() {
            task.abort();
        }
    }
}
