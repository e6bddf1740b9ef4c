use super::away_groups::AwayGroups;
use super::connection::Connection;
use super::discovery::Discovery;
use super::failure::explain_outside;
use super::own_fields::hand_over;
use super::watches::Watches;
use super::{apply, compare, delete, look, pods};
use crate::model::ObjectId;
use crate::port::{
    Applied, ClusterFailure, Comparison, Deletion, Dependents, Freshness, Kinds, Mode, ObservedStore, TargetApi,
};
use crate::resource::{
    FieldPath, GroupKind, KindVersion, LiveObject, ObservedObject, PodFault, ResourceVersion, ServedKind, SetId,
    SetName,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

/// The API server of one target. It applies and watches the objects of one set.
pub struct ApiServer {
    connection: Arc<Connection>,
    discovery: Arc<Discovery>,
    observed: Arc<ObservedStore>,
    watches: Watches,
    away: AwayGroups,
    /// The namespaces that the account has rights in; empty: the whole cluster.
    namespaces: Vec<String>,
    /// Where namespaced objects go that name no namespace; `None`: where the connection says.
    default_namespace: Option<String>,
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
            away: AwayGroups::default(),
            namespaces: Vec::new(),
            default_namespace: None,
        }
    }

    /// Watches only these namespaces, for an account that has no rights in others; empty: the whole cluster.
    #[must_use = "the namespaces of the returned value are watched"]
    pub fn in_namespaces(mut self, namespaces: &[String]) -> Self {
        self.watches.set_namespaces(namespaces);
        self.namespaces = namespaces.to_vec();
        self
    }

    /// Applies namespaced objects whose manifests name no namespace in this one. Without it they go where kubectl would put them:
    /// into `default`, or the namespace of the kubeconfig's context.
    #[must_use = "the returned value has the namespace"]
    pub fn defaulting_to(self, namespace: Option<&str>) -> Self {
        Self {
            default_namespace: namespace.map(str::to_owned),
            ..self
        }
    }
}

impl ApiServer {
    /// Sends a write of an object, unless the server behind its group has just not answered. Notes what a failure says about
    /// the kinds that the server serves.
    async fn write<T>(
        &self,
        kind: &ServedKind,
        request: impl Future<Output = Result<T, ClusterFailure>>,
    ) -> Result<T, ClusterFailure> {
        let kind = &kind.kind.kind;
        if let Some(failure) = self.away.failure(kind) {
            return Err(failure);
        }
        let answer = self.away.note(kind, request.await);
        match &answer {
            Err(ClusterFailure::UnknownKind { .. }) => self.discovery.expire(),
            Err(ClusterFailure::GroupAway { .. }) => self.discovery.suspect(),
            _ => {}
        }
        answer
    }
}

impl TargetApi for ApiServer {
    fn default_namespace(&self) -> &str {
        let given = self.default_namespace.as_deref();
        given.unwrap_or_else(|| self.connection.default_namespace())
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
        let applied = self
            .write(kind, apply::apply(&self.connection, kind, id, body, mode))
            .await;
        applied.map_err(|failure| explain_outside(&self.namespaces, id, failure))
    }

    async fn hand_over(&self, kind: &ServedKind, id: &ObjectId, field: &FieldPath) -> Result<(), ClusterFailure> {
        self.write(kind, hand_over(&self.connection, kind, id, field)).await
    }

    async fn look(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
    ) -> Result<Option<(LiveObject, ResourceVersion)>, ClusterFailure> {
        look::look(&self.connection, kind, id).await
    }

    async fn set_managed_fields(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
        version: &ResourceVersion,
        entries: &[Value],
    ) -> Result<ResourceVersion, ClusterFailure> {
        look::set_managed_fields(&self.connection, kind, id, version, entries).await
    }

    async fn find_set(&self, id: &str) -> Result<Option<SetName>, ClusterFailure> {
        look::find_set(&self.connection, id).await
    }

    async fn delete(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
        seen: &ObservedObject,
        dependents: Dependents,
    ) -> Result<Deletion, ClusterFailure> {
        self.write(kind, delete::delete(&self.connection, kind, id, seen, dependents))
            .await
    }

    async fn compare(&self, kind: &ServedKind, id: &ObjectId, body: &Value) -> Result<Comparison, ClusterFailure> {
        let compared = compare::compare(&self.connection, kind, id, body).await;
        compared.map_err(|failure| explain_outside(&self.namespaces, id, failure))
    }

    async fn pod_faults(
        &self,
        workload: &ObjectId,
        selector: &str,
        uid: &str,
    ) -> Result<Vec<PodFault>, ClusterFailure> {
        pods::pod_faults(&self.connection, workload, selector, uid).await
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
