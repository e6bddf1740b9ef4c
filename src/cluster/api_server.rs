use super::connection::Connection;
use super::discovery::Discovery;
use super::watches::Watches;
use super::{apply, delete};
use crate::model::ObjectId;
use crate::port::{Applied, ClusterFailure, Deletion, Freshness, Kinds, Mode, ObservedStore, TargetApi};
use crate::resource::{GroupKind, KindVersion, ObservedObject, ServedKind, SetId};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The API server of one target. It applies and watches the objects of one set.
pub struct ApiServer {
    connection: Arc<Connection>,
    discovery: Arc<Discovery>,
    observed: Arc<ObservedStore>,
    watches: Watches,
}

impl ApiServer {
    /// Sends nothing yet. The watches select the members of `set` by their label.
    pub fn new(connection: Arc<Connection>, set: &SetId) -> Self {
        let discovery = Arc::new(Discovery::default());
        Self {
            watches: Watches::new(Arc::clone(&connection), set, Arc::clone(&discovery)),
            connection,
            discovery,
            observed: Arc::default(),
        }
    }

    /// Watches only these namespaces, for an account that has no rights in others; empty: the whole cluster.
    #[must_use = "the namespaces of the returned value are watched"]
    pub fn in_namespaces(mut self, namespaces: &[String]) -> Self {
        self.watches.set_namespaces(namespaces);
        self
    }
}

impl TargetApi for ApiServer {
    fn default_namespace(&self) -> &str {
        self.connection.default_namespace()
    }

    async fn kinds(&self, requested: &BTreeSet<KindVersion>, freshness: Freshness) -> Result<Kinds, ClusterFailure> {
        self.discovery.kinds(&self.connection, requested, freshness).await
    }

    async fn apply(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
        body: &Value,
        mode: Mode,
    ) -> Result<Applied, ClusterFailure> {
        let applied = apply::apply(&self.connection, kind, id, body, mode).await;
        if let Err(ClusterFailure::UnknownKind { .. }) = &applied {
            self.discovery.expire();
        }
        applied
    }

    async fn delete(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
        seen: &ObservedObject,
    ) -> Result<Deletion, ClusterFailure> {
        delete::delete(&self.connection, kind, id, seen).await
    }

    fn watch(&self, kinds: &BTreeSet<GroupKind>, served: &Kinds) {
        self.watches.keep(kinds, served, &self.observed);
    }

    fn observed(&self) -> &ObservedStore {
        &self.observed
    }

    fn requests(&self) -> u64 {
        self.connection.requests()
    }
}
