use super::apply_cache::Entry;
use super::need::{Need, Reason, has_run, need};
use super::part::Part;
use super::plan_inputs::PlanInputs;
use super::report::{Contended, Drifted, FailedObject, WaitingDeletions};
use crate::model::{ObjectId, RepoPath};
use crate::port::{Kinds, TargetState};
use crate::resource::{
    Additions, DesiredHash, Drift, GroupKind, Ignore, KindVersion, MemberKeys, Object, ObservedObject, Origin,
    REPLICAS, ResourceVersion, RetainReason, ServedKind, Wave, declares, show_field,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

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
    /// The generation and the version of the live object, if a watch shows one.
    pub seen: Option<(Option<i64>, ResourceVersion)>,
    /// Fields that people added to the live object, and that the apply removes.
    pub additions: Option<Additions>,
}

impl ApplyStep {
    /// The object as one that is not applied, for this reason.
    pub(super) fn failed(&self, message: String) -> FailedObject {
        FailedObject {
            id: self.id.clone(),
            path: Some(self.object.origin.path().clone()),
            position: None,
            message,
        }
    }
}

/// An apply that waits until other objects are ready.
#[derive(Debug, Clone)]
pub struct HeldStep {
    /// The wave that the object belongs to. It is not applied before its wave.
    pub wave: Wave,
    /// The apply.
    pub step: ApplyStep,
    /// The objects that it waits for.
    pub on: Vec<ObjectId>,
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
    /// How long the longest chain of deleted objects is that the object depended on: those go after it.
    pub depth: usize,
}

/// What a pass will do. The plan leaves no choice open.
#[derive(Debug, Default)]
pub struct SyncPlan {
    /// Objects to apply, by wave.
    pub waves: BTreeMap<Wave, Vec<ApplyStep>>,
    /// Objects to apply once others are ready.
    pub held: Vec<HeldStep>,
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
    /// The declared objects that were looked at, in their final namespaces.
    pub declared: BTreeMap<ObjectId, Arc<Object>>,
    /// Those of them that are not at rest: something is to be done, reported or awaited.
    pub restless: BTreeSet<ObjectId>,
    /// The observed objects that are not declared.
    pub strays: BTreeSet<ObjectId>,
    /// How many objects an audit shows in another light than the plans before it; `None` if this was no audit.
    pub missed: Option<usize>,
    /// The objects that are as an earlier process applied them.
    pub recognised: Vec<(ObjectId, DesiredHash, ObservedObject)>,
    /// The hashes of the declared objects that were looked at, for the cache.
    pub hashes: Vec<(ObjectId, Arc<Object>, DesiredHash)>,
    /// Whether the last applied commit is not an ancestor of the declared commit: nothing is deleted then.
    pub history_broken: bool,
    /// The first time at which something that waits is due.
    pub next: Option<Instant>,
}

/// Decides for every object. Pure.
pub fn plan(declared: &TargetState, inputs: &PlanInputs<'_>) -> SyncPlan {
    let mut plan = SyncPlan::of(&declared.objects, inputs);
    plan.hold_back(&declared.objects, inputs);
    let is_stray = |id: &&ObjectId| !plan.declared.contains_key(*id);
    plan.strays = inputs
        .observed
        .objects()
        .map(|(id, _)| id)
        .filter(is_stray)
        .cloned()
        .collect();
    plan.consider_deletions(declared, inputs);
    plan
}

/// Decides for the objects that may not be at rest. Pure.
pub(super) fn plan_part(declared: &TargetState, part: &Part, inputs: &PlanInputs<'_>) -> SyncPlan {
    let mut plan = SyncPlan::of(&part.objects, inputs);
    plan.hold_back(&declared.objects, inputs);
    plan.untouched += part.at_rest;
    plan.strays.clone_from(&part.strays);
    plan.consider_deletions(declared, inputs);
    plan
}

impl SyncPlan {
    /// All applies, in order.
    pub fn applies(&self) -> impl Iterator<Item = &ApplyStep> {
        self.waves
            .values()
            .flatten()
            .chain(self.held.iter().map(|held| &held.step))
    }

    fn of(objects: &[Arc<Object>], inputs: &PlanInputs<'_>) -> Self {
        let mut plan = Self {
            history_broken: inputs.approval.history_broken,
            ..Self::default()
        };
        for object in objects {
            plan.look_at(object, inputs);
        }
        plan
    }

    fn look_at(&mut self, object: &Arc<Object>, inputs: &PlanInputs<'_>) {
        let id = inputs.resolve(object);
        let version = KindVersion::new(&object.api_version, &object.id.kind);
        let Some(served) = inputs.kinds.served.get(&version) else {
            self.fail(&id, object.origin.path(), unserved(&version, inputs.kinds));
            self.declared.entry(id).or_insert_with(|| Arc::clone(object));
            self.unknown.insert(version);
            return;
        };
        let first = self.declared.get(&id).filter(|first| inputs.serves(first));
        if let Some(first) = first {
            let first = first.origin.path();
            let message = format!("declared a second time, the first is in {first}; remove one of the two");
            self.fail(&id, object.origin.path(), message);
            return;
        }
        self.declared.insert(id.clone(), Arc::clone(object));
        if let Some(message) = inputs
            .protected
            .outside(&id)
            .filter(|_| object.intent.ignore != Ignore::Yes)
        {
            self.fail(&id, object.origin.path(), message);
            if let (Some(failed), Origin::File { position, .. }) = (self.failed.last_mut(), &object.origin) {
                failed.position = Some(*position);
            }
            return;
        }
        if inputs.protected.objects.contains(&id) {
            let message = "has the name of the agent's own record; rename it".to_owned();
            self.fail(&id, object.origin.path(), message);
            return;
        }
        let live = inputs.observed.object(&id);
        if live.is_some_and(|live| live.is_terminating || !live.health.is_settled()) {
            self.restless.insert(id.clone());
        }
        match object.intent.ignore {
            Ignore::Yes => self.untouched += 1,
            Ignore::No | Ignore::SyncOnly => self.consider(object, id, served, inputs),
        }
    }

    fn fail(&mut self, id: &ObjectId, path: &RepoPath, message: String) {
        self.restless.insert(id.clone());
        self.failed.push(FailedObject {
            id: id.clone(),
            path: Some(path.clone()),
            position: None,
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
        let live = view.and_then(|view| view.objects().get(&id));
        if has_run(entry, inputs.cache.run(&id), object, hash, live) {
            self.untouched += 1;
            return;
        }
        let synced = live.filter(|_| view.is_some_and(|view| view.synced));
        let additions = self.additions(object, &id, synced, inputs);
        let known = synced.filter(|live| inputs.cache.knows(&id, hash, live));
        let need = match known {
            Some(live) => {
                self.recognised.push((id.clone(), hash, live.clone()));
                Need::Nothing
            }
            None => need(entry, hash, &id, view, inputs.observed, inputs.now),
        };
        let reason = match need {
            Need::Nothing if additions.is_some() => Reason::Drift(additions.as_ref().and_then(Additions::who)),
            Need::Nothing => {
                self.untouched += 1;
                return;
            }
            Need::NothingUntil(at) => {
                self.restless.insert(id.clone());
                match entry.and_then(|entry| entry.failure.as_ref()) {
                    Some(failure) => self.fail(&id, object.origin.path(), failure.message.clone()),
                    None => self.untouched += 1,
                }
                self.wait_until(at);
                return;
            }
            // What is not repaired is not looked at.
            Need::Apply(Reason::Look(_) | Reason::Doubt) if object.intent.drift != Drift::Repair => {
                self.untouched += 1;
                return;
            }
            Need::Apply(reason) => reason,
        };
        self.restless.insert(id.clone());
        let drift = match &reason {
            Reason::Drift(by) | Reason::Look(by) => Some(by.clone()),
            Reason::Gone | Reason::Doubt => Some(None),
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
            seen: live.map(|live| (live.generation, live.version.clone())),
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
        self.restless.insert(id.clone());
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
    served.scales && is_owned && !declares(&object.value.value(), &REPLICAS.map(str::to_owned))
}

/// The declared fields that the last writer of a live object took from the agent.
fn contested(live: &ObservedObject, object: &Object) -> Vec<String> {
    let value = object.value.value();
    let declared = live.last_written.iter().filter(|field| declares(&value, field));
    declared.map(|field| show_field(field)).collect()
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
