use super::apply_cache::{ApplyCache, Entry};
use super::need::{Need, Reason, has_run, need};
use super::report::{Contended, Drifted, FailedObject, WaitingDeletions};
use crate::model::{CommitId, ObjectId, RepoPath};
use crate::port::{Kinds, Observed, TargetState};
use crate::resource::{
    Additions, DeletionLimit, DesiredHash, Drift, GroupKind, Ignore, KindVersion, MemberKey, MemberKeys, Members,
    Object, ObservedObject, Protected, REPLICAS, RetainReason, ServedKind, Waited, Wave, declares, show_field,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
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
    /// The current time.
    pub now: Instant,
}

/// The apply of one object.
#[derive(Debug, Clone)]
pub struct ApplyStep {
    /// The object, in its final namespace.
    pub id: ObjectId,
    /// How the server serves its kind.
    pub served: ServedKind,
    /// The object as it is declared.
    pub object: Arc<Object>,
    /// The manifest's hash.
    pub hash: DesiredHash,
    /// Why it is applied.
    pub reason: Reason,
    /// The declared fields that the last writer took from the agent.
    pub contested: Vec<String>,
    /// Whether the agent owns `spec.replicas`, which the manifest does not declare any more: the value is handed over to
    /// whoever scales the object, and not reset to the default.
    pub hands_replicas_over: bool,
    /// Whether somebody else may have made the live object, so that it is looked at before it is changed.
    pub is_first_contact: bool,
    /// Fields that people added to the live object, and that the apply removes.
    pub additions: Option<Additions>,
}

/// The deletion of one object.
#[derive(Debug, Clone)]
pub struct DeletionStep {
    /// The object.
    pub id: ObjectId,
    /// How the server serves its kind.
    pub served: ServedKind,
    /// The object as the watch shows it. Only this UID in this version is deleted.
    pub seen: ObservedObject,
}

/// What a pass will do. The plan leaves no choice open.
#[derive(Debug, Default)]
pub struct SyncPlan {
    /// Objects to apply, by wave.
    pub waves: BTreeMap<Wave, Vec<ApplyStep>>,
    /// Objects to delete, in order.
    pub deletions: Vec<DeletionStep>,
    /// Deletions that wait for a person.
    pub waiting: Option<WaitingDeletions>,
    /// The UIDs of the objects that are no longer declared and may be deleted, now or later.
    pub undeclared: MemberKeys,
    /// Whether a person confirmed their deletion.
    pub is_confirmed: bool,
    /// Whether objects look removed because a file or a folder is not read as manifests any more.
    pub nature_changed: bool,
    /// Why objects that are no longer declared are not deleted, if something is in the way.
    pub prune_blocked: Option<String>,
    /// Undeclared members of the set that are not deleted.
    pub retained: Vec<(ObjectId, RetainReason)>,
    /// Objects that cannot be applied, or that failed and are not due yet.
    pub failed: Vec<FailedObject>,
    /// Drift that is reported and not repaired.
    pub drifted: Vec<Drifted>,
    /// Objects that somebody keeps changing back.
    pub contended: Vec<Contended>,
    /// Declared kinds that the server does not serve.
    pub unknown: BTreeSet<KindVersion>,
    /// How many declared objects need no request.
    pub untouched: usize,
    /// Every declared object, in its final namespace.
    pub declared: BTreeSet<ObjectId>,
    /// The hashes of the declared objects, for the cache.
    pub hashes: Vec<(ObjectId, Arc<Object>, DesiredHash)>,
    /// Whether the last applied commit is not an ancestor of the declared commit: nothing is deleted then.
    pub history_broken: bool,
    /// The first time at which something that waits is due.
    pub next: Option<Instant>,
}

/// Decides for every object. Pure.
pub fn plan(declared: &TargetState, inputs: &PlanInputs<'_>) -> SyncPlan {
    let mut plan = SyncPlan {
        history_broken: inputs.approval.history_broken,
        ..SyncPlan::default()
    };
    let mut paths: BTreeMap<ObjectId, &RepoPath> = BTreeMap::new();
    for object in &declared.objects {
        let version = KindVersion::new(&object.api_version, &object.id.kind);
        let Some(served) = inputs.kinds.served.get(&version) else {
            let id = resolve_unserved(object, inputs);
            plan.fail(&id, object.origin.path(), unserved(&version, inputs.kinds));
            plan.declared.insert(id);
            plan.unknown.insert(version);
            continue;
        };
        let id = served.resolve(&object.id, inputs.default_namespace);
        plan.declared.insert(id.clone());
        if let Some(first) = paths.get(&id) {
            let message = format!("declared a second time, the first is in {first}; remove one of the two");
            plan.fail(&id, object.origin.path(), message);
            continue;
        }
        paths.insert(id.clone(), object.origin.path());
        if inputs.protected.objects.contains(&id) {
            let message = "has the name of the agent's own record; rename it".to_owned();
            plan.fail(&id, object.origin.path(), message);
            continue;
        }
        match object.intent.ignore {
            Ignore::Yes => plan.untouched += 1,
            Ignore::No | Ignore::SyncOnly => plan.consider(object, id, served, inputs),
        }
    }
    plan.consider_deletions(declared, inputs);
    plan
}

impl SyncPlan {
    /// All applies, in order.
    pub fn applies(&self) -> impl Iterator<Item = &ApplyStep> {
        self.waves.values().flatten()
    }

    fn fail(&mut self, id: &ObjectId, path: &RepoPath, message: String) {
        self.failed.push(FailedObject {
            id: id.clone(),
            path: Some(path.clone()),
            message,
        });
    }

    /// Adds a reason why deletions are not carried out.
    pub(super) fn block_deletions(&mut self, reason: String) {
        self.prune_blocked = Some(match self.prune_blocked.take() {
            Some(known) => format!("{known}; {reason}"),
            None => reason,
        });
    }

    fn wait_until(&mut self, at: Instant) {
        self.next = Some(self.next.map_or(at, |known| known.min(at)));
    }

    fn consider(&mut self, object: &Arc<Object>, id: ObjectId, served: &ServedKind, inputs: &PlanInputs<'_>) {
        let entry = inputs.cache.entry(&id);
        let hash = inputs.cache.hash(&id, object);
        self.hashes.push((id.clone(), Arc::clone(object), hash));
        if entry.is_some_and(|entry| entry.applied.as_ref().is_some_and(|last| last.hash == hash)) {
            self.consider_fight(object, &id, entry, inputs.now);
        }
        let view = inputs.observed.kinds.get(&GroupKind::of(&id));
        let live = view.and_then(|view| view.objects.get(&id));
        if has_run(entry, inputs.cache.run(&id), &object.value, hash, live) {
            self.untouched += 1;
            return;
        }
        let synced = live.filter(|_| view.is_some_and(|view| view.synced));
        let additions = self.additions(object, &id, synced, inputs);
        let reason = match need(entry, hash, &id, view, inputs.observed, inputs.now) {
            Need::Nothing if additions.is_some() => Reason::Drift(additions.as_ref().and_then(Additions::who)),
            Need::Nothing => {
                self.untouched += 1;
                return;
            }
            Need::NothingUntil(at) => {
                match entry.and_then(|entry| entry.failure.as_ref()) {
                    Some(failure) => self.fail(&id, object.origin.path(), failure.message.clone()),
                    None => self.untouched += 1,
                }
                self.wait_until(at);
                return;
            }
            Need::Apply(reason) => reason,
        };
        let drift = match &reason {
            Reason::Drift(by) => Some(by.clone()),
            Reason::Gone => Some(None),
            Reason::First | Reason::Manifest | Reason::Again => None,
        };
        if let Some(by) = drift
            && !self.repairs_drift(object, &id, by, inputs)
        {
            self.untouched += 1;
            return;
        }
        if inputs.kinds.unanswered.contains(&id.group) {
            self.fail(&id, object.origin.path(), unanswered(&id.group));
            return;
        }
        let step = ApplyStep {
            contested: live.map(|live| contested(live, object)).unwrap_or_default(),
            hands_replicas_over: hands_replicas_over(served, object, live, entry),
            is_first_contact: inputs.is_first_contact(&id, live, &reason, entry),
            additions,
            id,
            served: served.clone(),
            object: Arc::clone(object),
            hash,
            reason,
        };
        let wave = Wave::of(&served.kind.kind);
        self.waves.entry(wave).or_default().push(step);
    }

    /// Whether drift is repaired now. If not, it is ignored or reported: as the manifest says, or because of a conflict.
    fn repairs_drift(&mut self, object: &Object, id: &ObjectId, by: Option<String>, inputs: &PlanInputs<'_>) -> bool {
        match object.intent.drift {
            Drift::Ignore => return false,
            Drift::Warn => {
                self.drifted.push(Drifted {
                    id: id.clone(),
                    path: object.origin.path().clone(),
                    by,
                    fields: Vec::new(),
                });
                return false;
            }
            Drift::Repair => {}
        }
        let conflict = inputs.cache.entry(id).map(|entry| &entry.conflict);
        let Some(until) = conflict.and_then(|conflict| conflict.cooldown_until(inputs.now)) else {
            return true;
        };
        self.wait_until(until);
        false
    }

    /// Reports a fight about the object, also while the object is as declared: the opponent's next move will come.
    fn consider_fight(&mut self, object: &Object, id: &ObjectId, entry: Option<&Entry>, now: Instant) {
        let Some((conflict, fight)) = entry.and_then(|entry| Some((&entry.conflict, entry.conflict.fight(now)?)))
        else {
            return;
        };
        let until = conflict.cooldown_until(now);
        self.contended.push(Contended {
            id: id.clone(),
            path: object.origin.path().clone(),
            by: fight.by,
            field: fight.field,
            repairs: fight.repairs,
            next_in: until.map_or(Duration::ZERO, |until| until - now),
        });
    }
}

/// Whether the agent owns `spec.replicas`, and the manifest does not declare the field any more.
fn hands_replicas_over(
    served: &ServedKind,
    object: &Object,
    live: Option<&ObservedObject>,
    entry: Option<&Entry>,
) -> bool {
    let last = entry.and_then(|entry| entry.applied.as_ref());
    let is_owned = live.is_some_and(|live| live.owns_replicas) || last.is_some_and(|last| last.owns_replicas);
    served.scales && is_owned && !declares(&object.value, &REPLICAS.map(str::to_owned))
}

/// The declared fields that the last writer of a live object took from the agent.
fn contested(live: &ObservedObject, object: &Object) -> Vec<String> {
    let declared = live.last_written.iter().filter(|field| declares(&object.value, field));
    declared.map(|field| show_field(field)).collect()
}

/// The id of an object whose version is not served, by the kind's other versions: a version that is gone does not make
/// the object undeclared.
fn resolve_unserved(object: &Object, inputs: &PlanInputs<'_>) -> ObjectId {
    match inputs.kinds.preferred.get(&GroupKind::of(&object.id)) {
        Some(served) => served.resolve(&object.id, inputs.default_namespace),
        None => object.id.clone(),
    }
}

fn unanswered(group: &str) -> String {
    format!("the server behind API group {group} does not answer; tidegate tries again")
}

fn unserved(version: &KindVersion, kinds: &Kinds) -> String {
    if kinds.unanswered.contains(&version.kind.group) {
        return unanswered(&version.kind.group);
    }
    match kinds.preferred.get(&version.kind) {
        Some(other) => format!(
            "the cluster does not serve {version}; it serves {}: change the manifest's apiVersion",
            other.kind.api_version()
        ),
        None => format!(
            "the cluster does not serve {version}; apply its CustomResourceDefinition, or correct apiVersion and kind"
        ),
    }
}
