use super::connection::Connection;
use super::discovery::Discovery;
use super::own_fields::hand_over;
use super::watches::Watches;
use super::{apply, delete};
use crate::model::ObjectId;
use crate::port::{Applied, ClusterFailure, Deletion, Freshness, Kinds, Mode, ObservedStore, TargetApi};
use crate::resource::{FieldPath, GroupKind, KindVersion, ObservedObject, ServedKind, SetId};
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

impl ApiServer {
    /// What a failed request says about the kinds that the server serves.
    fn note_failure(&self, kind: &ServedKind, failure: Option<&ClusterFailure>) {
        match failure {
            Some(ClusterFailure::UnknownKind { .. }) => self.discovery.expire(),
            Some(ClusterFailure::Unavailable { .. }) if !kind.kind.kind.group.is_empty() => self.discovery.suspect(),
            _ => {}
        }
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
        self.note_failure(kind, applied.as_ref().err());
        applied
    }

    async fn hand_over(&self, kind: &ServedKind, id: &ObjectId, field: &FieldPath) -> Result<(), ClusterFailure> {
        hand_over(&self.connection, kind, id, field).await
    }

    async fn delete(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
        seen: &ObservedObject,
    ) -> Result<Deletion, ClusterFailure> {
        let deleted = delete::delete(&self.connection, kind, id, seen).await;
        self.note_failure(kind, deleted.as_ref().err());
        deleted
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
