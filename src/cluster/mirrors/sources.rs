use super::source_store::{List, Store};
use super::{objects, watch};
use crate::cluster::connection::Connection;
use crate::model::Wildcard;
use crate::port::{ClusterFailure, MirrorObjects, MirrorSources, SourceView};
use crate::spread::{LiveObject, MirrorKind, MirrorRule, MirrorSource, ObjectPlace};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinHandle;

/// The Secrets and ConfigMaps of the agent's own cluster that are mirrored.
pub struct Sources {
    connection: Arc<Connection>,
    set: String,
    lists: BTreeSet<List>,
    store: Arc<Store>,
    watches: Mutex<Vec<JoinHandle<()>>>,
}

impl Sources {
    /// The sources of these rules, in these namespaces; empty: in the whole cluster. Sends nothing yet.
    pub fn new(connection: Arc<Connection>, set: String, namespaces: &[String], rules: &[MirrorRule]) -> Self {
        let lists = rules.iter().flat_map(|rule| match &rule.from {
            MirrorSource::Object(place) => vec![List::Named(place.clone())],
            MirrorSource::Annotated(kinds, patterns) => {
                let scopes = asking_scopes(patterns, namespaces);
                let lists = kinds.iter().flat_map(|kind| {
                    let lists = scopes.iter().map(|scope| List::Asking(*kind, scope.clone()));
                    lists.collect::<Vec<List>>()
                });
                lists.collect()
            }
        });
        let mut lists: BTreeSet<List> = lists.collect();
        // A list of the whole cluster has all others.
        for kind in MirrorKind::ALL {
            if lists.contains(&List::Asking(kind, None)) {
                lists.retain(|list| !matches!(list, List::Asking(of, Some(_)) if *of == kind));
            }
        }
        Self {
            connection,
            set,
            lists,
            store: Arc::new(Store::new()),
            watches: Mutex::default(),
        }
    }
}

/// The namespaces whose objects may ask for copies; `None` for the whole cluster. `known`: where the agent has rights; empty:
/// everywhere.
fn asking_scopes(patterns: &[Wildcard], known: &[String]) -> Vec<Option<String>> {
    let is_plain = |pattern: &Wildcard| !pattern.as_str().contains(['*', '?']);
    if !known.is_empty() {
        let reached = known
            .iter()
            .filter(|name| patterns.iter().any(|pattern| pattern.matches(name)));
        return reached.cloned().map(Some).collect();
    }
    if patterns.iter().all(is_plain) {
        let names = patterns.iter().map(|pattern| Some(pattern.as_str().to_owned()));
        return names.collect();
    }
    vec![None]
}

impl MirrorObjects for Sources {
    async fn uid(&self) -> Result<String, ClusterFailure> {
        objects::uid(&self.connection).await
    }

    async fn read(&self, place: &ObjectPlace) -> Result<Option<LiveObject>, ClusterFailure> {
        objects::read(&self.connection, place).await
    }

    fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        self.store.changes()
    }
}

impl MirrorSources for Sources {
    fn start(&self) {
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        if !watches.is_empty() {
            return;
        }
        // All are awaited before the first is complete.
        self.lists.iter().for_each(|list| self.store.expect(list));
        watches.extend(self.lists.iter().map(|list| {
            let (connection, store) = (Arc::clone(&self.connection), Arc::clone(&self.store));
            tokio::spawn(watch::sources(connection, store, list.clone(), self.set.clone()))
        }));
    }

    fn view(&self) -> SourceView {
        self.store.view()
    }
}

impl Drop for Sources {
    fn drop(&mut self) {
        let watches = self.watches.get_mut().unwrap_or_else(PoisonError::into_inner);
        watches.iter().for_each(JoinHandle::abort);
    }
}
