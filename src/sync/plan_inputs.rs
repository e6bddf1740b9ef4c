use super::apply_cache::ApplyCache;
use crate::model::{CommitId, ObjectId};
use crate::port::{Kinds, Observed, TargetState};
use crate::resource::{DeletionLimit, Drift, KindVersion, MemberKey, Members, Object, Protected, Waited};
use std::collections::BTreeSet;
use tokio::time::Instant;

/// What a person and the history allow to be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Approval {
    /// The commit whose deletions a person confirmed.
    pub confirmed: Option<CommitId>,
    /// Whether the last applied commit is not an ancestor of the declared commit. Then every deletion waits for a person.
    pub history_broken: bool,
    /// Stands for the objects that a person confirmed by a commit since the commit that was applied before.
    pub objects: Option<MemberKey>,
}

/// What a plan is made from, besides the declared state.
#[derive(Debug, Clone, Copy)]
pub struct PlanInputs<'a> {
    /// What the server serves.
    pub kinds: &'a Kinds,
    /// Who made the objects of the set.
    pub members: &'a Members,
    /// Deletions that waited, by its record.
    pub waited: &'a Waited,
    /// What the watches show.
    pub observed: &'a Observed,
    /// What the agent remembers of its own applies.
    pub cache: &'a ApplyCache,
    /// The namespace of namespaced objects whose manifests name none.
    pub default_namespace: &'a str,
    /// What is never pruned.
    pub protected: &'a Protected,
    /// What the commit declares that was applied completely before this one, if another one was.
    pub previous: Option<&'a TargetState>,
    /// Which deletions are approved.
    pub approval: Approval,
    /// What is done about fields that people added to live objects.
    pub additions: Drift,
    /// How many deletions need no approval.
    pub limit: DeletionLimit,
    /// What was deleted already without an approval, since a commit removed objects.
    pub deleted: &'a BTreeSet<ObjectId>,
    /// The current time.
    pub now: Instant,
}

impl PlanInputs<'_> {
    /// The id of an object in its final namespace. A version that is gone does not make the object undeclared: then the kind's
    /// other versions say.
    pub(super) fn resolve(&self, object: &Object) -> ObjectId {
        let version = KindVersion::new(&object.api_version, &object.id.kind);
        let served = self.kinds.served.get(&version);
        match served.or_else(|| self.kinds.preferred.get(&version.kind)) {
            Some(served) => served.resolve(&object.id, self.default_namespace),
            None => object.id.clone(),
        }
    }

    pub(super) fn serves(&self, object: &Object) -> bool {
        let version = KindVersion::new(&object.api_version, &object.id.kind);
        self.kinds.served.contains_key(&version)
    }
}
