use super::applied::Applied;
use super::failure::ClusterFailure;
use super::observed_store::ObservedStore;
use crate::model::ObjectId;
use crate::resource::{
    FieldPath, GroupKind, KindVersion, LiveObject, ObservedObject, PodFault, ResourceVersion, ServedKind, SetName,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

/// A live object, and what an apply would make of it. The two hold everything, the values of Secrets included.
pub struct Comparison {
    /// The live object; `None` if there is none.
    pub live: Option<Value>,
    /// The object as the apply would leave it.
    pub applied: Value,
}

/// Whether the server stores the result of an apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The server stores the result.
    Write,
    /// The server computes the result and stores nothing.
    DryRun,
}

/// The result of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// The server accepted it: the object is gone, or goes once its finalizers have run.
    Accepted,
    /// There was no such object.
    Absent,
}

/// What becomes of the objects that belong to a deleted object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dependents {
    /// They are deleted after it.
    After,
    /// They are deleted before it: the object is gone when they are.
    Before,
    /// They stay, and belong to nobody.
    Stay,
}

/// What the server serves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kinds {
    /// The requested kinds that the server serves.
    pub served: BTreeMap<KindVersion, ServedKind>,
    /// For each group and kind, the version that the server prefers.
    pub preferred: BTreeMap<GroupKind, ServedKind>,
    /// Groups whose own server does not answer: which kinds they serve is unknown at the moment.
    pub unanswered: BTreeSet<String>,
}

/// Whether a cached answer is good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// A cached answer is good enough.
    Cached,
    /// Ask the server again if a requested kind is missing from the cached answer.
    AskIfUnknown,
}

/// The cluster that objects are applied to, and what its watches show.
pub trait TargetApi: Send + Sync + 'static {
    /// The namespace of namespaced objects whose manifests name none.
    fn default_namespace(&self) -> &str;

    /// How the server serves these kinds.
    fn kinds(
        &self,
        requested: &BTreeSet<KindVersion>,
        freshness: Freshness,
    ) -> impl Future<Output = Result<Kinds, ClusterFailure>> + Send;

    /// Server-side apply of one object: one request, forced, within a deadline. The body is sent as it is.
    fn apply(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
        body: &Value,
        mode: Mode,
    ) -> impl Future<Output = Result<Applied, ClusterFailure>> + Send;

    /// Gives up the agent's ownership of a field of a live object. The field keeps its value, also when a later apply does not
    /// declare it.
    fn hand_over(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
        field: &FieldPath,
    ) -> impl Future<Output = Result<(), ClusterFailure>> + Send;

    /// Reads the metadata of a live object, and its version; `None` if there is no such object.
    fn look(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
    ) -> impl Future<Output = Result<Option<(LiveObject, ResourceVersion)>, ClusterFailure>> + Send;

    /// Replaces an object's `managedFields`, on the condition that the object still has this version. Returns the new version.
    fn set_managed_fields(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
        version: &ResourceVersion,
        entries: &[Value],
    ) -> impl Future<Output = Result<ResourceVersion, ClusterFailure>> + Send;

    /// Finds the record of the set with this id; `None` if it is not a ConfigMap or Secret of this cluster.
    fn find_set(&self, id: &str) -> impl Future<Output = Result<Option<SetName>, ClusterFailure>> + Send;

    /// Deletes one object, on the condition that its UID and version are those of `seen`.
    fn delete(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
        seen: &ObservedObject,
        dependents: Dependents,
    ) -> impl Future<Output = Result<Deletion, ClusterFailure>> + Send;

    /// Watches the set's objects of exactly these kinds from now on. Returns at once: the watches fill
    /// [`TargetApi::observed`].
    fn watch(&self, kinds: &BTreeSet<GroupKind>, served: &Kinds);

    /// Reads a live object, and what an apply of `body` would make of it: two requests, and nothing is written.
    fn compare(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
        body: &Value,
    ) -> impl Future<Output = Result<Comparison, ClusterFailure>> + Send {
        let _ = (kind, body);
        let message = format!("{id} cannot be compared by this edge");
        std::future::ready(Err(ClusterFailure::Refused { message }))
    }

    /// What is wrong with the pods of a workload, some of many, those of its newest revision first. `selector`: the label selector of
    /// its pods; `uid`: its UID. An edge that knows no pods finds nothing.
    fn pod_faults(
        &self,
        workload: &ObjectId,
        selector: &str,
        uid: &str,
    ) -> impl Future<Output = Result<Vec<PodFault>, ClusterFailure>> + Send {
        let _ = (workload, selector, uid);
        std::future::ready(Ok(Vec::new()))
    }

    /// What the watches show.
    fn observed(&self) -> &ObservedStore;

    /// How many requests were sent so far, without the opening of watches.
    fn requests(&self) -> u64;
}
