use super::copy_store::{List, Store};
use super::objects::{self, DEADLINE};
use super::{reduce, watch};
use crate::cluster::connection::Connection;
use crate::cluster::failure::if_found;
use crate::cluster::server_text::reduced_for_secret;
use crate::port::{ClusterFailure, CopyView, MirrorCopies, MirrorObjects};
use crate::spread::{
    LiveObject, MIRROR_LABEL, MirrorContent, MirrorFacts, MirrorKind, MirrorMark, MirrorWrite, ObjectPlace,
};
use futures::TryFutureExt as _;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinHandle;

/// A cluster of copies.
pub struct Copies {
    connection: Arc<Connection>,
    namespaces: Vec<String>,
    store: Arc<Store>,
    watches: Mutex<Vec<JoinHandle<()>>>,
}

impl Copies {
    /// The copies in these namespaces; empty: in the whole cluster. Sends nothing yet.
    pub fn new(connection: Arc<Connection>, namespaces: &[String]) -> Self {
        Self {
            connection,
            namespaces: namespaces.to_vec(),
            store: Arc::new(Store::with_namespaces(namespaces)),
            watches: Mutex::default(),
        }
    }

    /// Where the agent has rights; `None` for the whole cluster.
    fn scopes(&self) -> Vec<Option<String>> {
        match self.namespaces.is_empty() {
            true => vec![None],
            false => self.namespaces.iter().cloned().map(Some).collect(),
        }
    }

    /// What a write has made is known before the watch shows it.
    fn note(&self, set: &str, kind: MirrorKind, written: DynamicObject) {
        let (place, facts) = reduce::facts(set, kind, written);
        self.store.put(place, facts);
    }
}

impl MirrorObjects for Copies {
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

impl MirrorCopies for Copies {
    fn start(&self, set: &str, kinds: &BTreeSet<MirrorKind>) {
        let mut watches = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        if !watches.is_empty() {
            return;
        }
        let scopes = self.scopes();
        let lists = kinds
            .iter()
            .flat_map(|kind| scopes.iter().map(|scope| (*kind, scope.clone())));
        let lists: Vec<(MirrorKind, Option<String>)> = lists.collect();
        // All are awaited before the first is complete.
        for (kind, scope) in &lists {
            self.store.expect(&List::Copies(*kind, scope.clone()));
        }
        if self.namespaces.is_empty() {
            self.store.expect(&List::Namespaces);
            let namespaces = watch::namespaces(Arc::clone(&self.connection), Arc::clone(&self.store));
            watches.push(tokio::spawn(namespaces));
        }
        watches.extend(lists.into_iter().map(|list| {
            let (connection, store) = (Arc::clone(&self.connection), Arc::clone(&self.store));
            tokio::spawn(watch::copies(connection, store, list, set.to_owned()))
        }));
    }

    fn view(&self) -> CopyView {
        self.store.view()
    }

    async fn has_marked(&self, set: &str, kind: MirrorKind) -> Result<bool, ClusterFailure> {
        let params = ListParams::default().labels(&format!("{MIRROR_LABEL}={set}")).limit(1);
        for scope in self.scopes() {
            let api = objects::api(&self.connection, kind, scope.as_deref());
            let found = self.connection.within(DEADLINE, api.list_metadata(&params)).await?;
            if !found.items.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn create(
        &self,
        set: &str,
        write: &MirrorWrite,
        mark: &MirrorMark,
        content: &MirrorContent,
    ) -> Result<(), ClusterFailure> {
        let body: DynamicObject =
            serde_json::from_value(reduce::new_copy(set, write, mark, content)).map_err(|_| {
                ClusterFailure::Refused {
                    message: "the copy cannot be made".to_owned(),
                }
            })?;
        let params = PostParams {
            field_manager: Some(reduce::MANAGER.to_owned()),
            ..PostParams::default()
        };
        let place = &write.place;
        let api = objects::api(&self.connection, place.kind, Some(&place.namespace));
        let created = api.create(&params, &body).map_err(reduced_for_secret);
        self.note(set, place.kind, self.connection.within(DEADLINE, created).await?);
        Ok(())
    }

    async fn change(
        &self,
        set: &str,
        write: &MirrorWrite,
        copy: &MirrorFacts,
        mark: &MirrorMark,
        content: &MirrorContent,
    ) -> Result<(), ClusterFailure> {
        let patch = Patch::Merge(reduce::change(set, write, copy, mark, content));
        let params = PatchParams {
            field_manager: Some(reduce::MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let place = &write.place;
        let api = objects::api(&self.connection, place.kind, Some(&place.namespace));
        let written = api.patch(&place.name, &params, &patch).map_err(reduced_for_secret);
        self.note(set, place.kind, self.connection.within(DEADLINE, written).await?);
        Ok(())
    }

    async fn delete(&self, place: &ObjectPlace, copy: &MirrorFacts) -> Result<(), ClusterFailure> {
        let params = DeleteParams::default().preconditions(Preconditions {
            uid: Some(copy.uid.clone()),
            resource_version: Some(copy.version.as_str().to_owned()),
        });
        let api = objects::api(&self.connection, place.kind, Some(&place.namespace));
        let deleted = async { if_found(api.delete(&place.name, &params).await).map_err(reduced_for_secret) };
        self.connection.within(DEADLINE, deleted).await?;
        self.store.remove(place, &copy.uid);
        Ok(())
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        let watches = self.watches.get_mut().unwrap_or_else(PoisonError::into_inner);
        watches.iter().for_each(JoinHandle::abort);
    }
}
