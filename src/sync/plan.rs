use super::ledger::{Entry, Ledger, Mark};
use super::report::{Contested, Drifted, FailedObject, WaitingDeletions};
use crate::model::{CommitId, ObjectId, RepoPath};
use crate::port::{KindView, Kinds, Observed, TargetState};
use crate::resource::{
    DeletionLimit, DesiredHash, Drift, GroupKind, Ignore, Kept, KindVersion, Object, ObservedObject, ServedKind,
    SetName, Wave,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::time::Instant;

/// What a person has allowed, and what the history says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Consent {
    /// The commit whose deletions a person confirmed.
    pub confirmed: Option<CommitId>,
    /// Whether the last applied commit is not an ancestor of the declared one: then nothing is deleted unconfirmed.
    pub history_broken: bool,
}

/// All that a plan is made from, besides the declared state.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// What the server serves.
    pub kinds: &'a Kinds,
    /// The kinds that the set may hold, by its record.
    pub recorded: &'a BTreeSet<GroupKind>,
    /// What the watches see.
    pub observed: &'a Observed,
    /// What we remember of our own writes.
    pub ledger: &'a Ledger,
    /// The namespace of objects that name none.
    pub default_namespace: &'a str,
    /// The set's record, and with it the agent's own namespace.
    pub set: &'a SetName,
    /// What was allowed.
    pub consent: Consent,
    /// How many deletions go unconfirmed.
    pub limit: DeletionLimit,
    /// Now.
    pub now: Instant,
}

/// Why an object is applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// This process has not applied it yet.
    First,
    /// Its manifest changed.
    Manifest,
    /// A field of ours was changed; who did it, where the server tells.
    Drift(Option<String>),
    /// It was deleted.
    Gone,
    /// It failed before.
    Again,
}

/// One apply.
#[derive(Debug, Clone)]
pub struct Application {
    /// Which object, in its final namespace.
    pub id: ObjectId,
    /// How it is sent.
    pub served: ServedKind,
    /// What is sent.
    pub object: Arc<Object>,
    /// Its hash.
    pub hash: DesiredHash,
    /// Why.
    pub reason: Reason,
}

/// One deletion.
#[derive(Debug, Clone)]
pub struct DeletionStep {
    /// Which object.
    pub id: ObjectId,
    /// How it is sent.
    pub served: ServedKind,
    /// As it was seen: only this very object is deleted.
    pub seen: ObservedObject,
}

/// What a pass will do; no choice is left.
#[derive(Debug, Default)]
pub struct SyncPlan {
    /// Objects to apply, by wave.
    pub waves: BTreeMap<Wave, Vec<Application>>,
    /// Objects to delete, in order.
    pub deletions: Vec<DeletionStep>,
    /// Deletions that wait for a person.
    pub waiting: Option<WaitingDeletions>,
    /// Why nothing is deleted, if something stands in the way.
    pub prune_blocked: Option<String>,
    /// Undeclared members that stay.
    pub kept: Vec<(ObjectId, Kept)>,
    /// What cannot be applied, or failed and is not due yet.
    pub failed: Vec<FailedObject>,
    /// Drift that is only told.
    pub drifted: Vec<Drifted>,
    /// Fights.
    pub contested: Vec<Contested>,
    /// Kinds that are declared and not served.
    pub unknown: BTreeSet<KindVersion>,
    /// Declared objects that need nothing.
    pub untouched: usize,
    /// Every declared object, in its final namespace.
    pub declared: BTreeSet<ObjectId>,
    /// Hashes of the declared objects, to be remembered.
    pub hashes: Vec<(ObjectId, Arc<Object>, DesiredHash)>,
    /// When something waits for a time.
    pub next: Option<Instant>,
}

/// Decides for every object, purely.
pub fn plan(declared: &TargetState, around: &Surroundings<'_>) -> SyncPlan {
    let mut plan = SyncPlan::default();
    let mut paths: BTreeMap<ObjectId, &RepoPath> = BTreeMap::new();
    for object in &declared.objects {
        let version = KindVersion::new(&object.api_version, &object.id.kind);
        let Some(served) = around.kinds.served.get(&version) else {
            let id = place_unserved(object, around);
            plan.fail(&id, object.origin.path(), unserved(&version, around.kinds));
            plan.declared.insert(id);
            plan.unknown.insert(version);
            continue;
        };
        let id = served.place(&object.id, around.default_namespace);
        plan.declared.insert(id.clone());
        if let Some(first) = paths.get(&id) {
            let message = format!("declared a second time, the first is in {first}; remove one of the two");
            plan.fail(&id, object.origin.path(), message);
            continue;
        }
        paths.insert(id.clone(), object.origin.path());
        if is_record(&id, around.set) {
            let message = "has the name of the agent's own record; rename it".to_owned();
            plan.fail(&id, object.origin.path(), message);
            continue;
        }
        match object.intent.ignore {
            Ignore::Yes => plan.untouched += 1,
            Ignore::No | Ignore::SyncOnly => plan.consider(object, id, served, around),
        }
    }
    plan.consider_deletions(declared, around);
    plan
}

/// What is known of an object's need for an apply.
enum Need {
    Nothing,
    NothingUntil(Instant),
    Apply(Reason),
}

fn need(entry: Option<&Entry>, hash: DesiredHash, id: &ObjectId, around: &Surroundings<'_>) -> Need {
    let Some(entry) = entry else {
        return Need::Apply(Reason::First);
    };
    if let Some(failure) = &entry.failure {
        return match failure.hash == hash && around.now < failure.next {
            true => Need::NothingUntil(failure.next),
            false => Need::Apply(Reason::Again),
        };
    }
    match &entry.applied {
        None => Need::Apply(Reason::First),
        Some(mark) if mark.hash != hash => Need::Apply(Reason::Manifest),
        Some(mark) => match around.observed.kinds.get(&GroupKind::of(id)) {
            Some(view) if view.synced => compare(mark, view, id, around.now),
            _ => Need::Nothing,
        },
    }
}

/// Whether the live object is as our last apply left it. An observation older than that apply says nothing.
fn compare(mark: &Mark, view: &KindView, id: &ObjectId, now: Instant) -> Need {
    let waiting = now < mark.catch_up_until;
    match view.objects.get(id) {
        None if waiting && !view.latest.is_at_least(&mark.version) => Need::NothingUntil(mark.catch_up_until),
        None => Need::Apply(Reason::Gone),
        Some(live) if waiting && live.version.is_older_than(&mark.version) => Need::NothingUntil(mark.catch_up_until),
        Some(live) if live.is_terminating => Need::Nothing,
        Some(live) if live.uid == mark.uid && live.fingerprint.is_some() && live.fingerprint == mark.fingerprint => {
            Need::Nothing
        }
        Some(live) => Need::Apply(Reason::Drift(live.last_writer.clone())),
    }
}

impl SyncPlan {
    /// All applies, in order.
    pub fn applications(&self) -> impl Iterator<Item = &Application> {
        self.waves.values().flatten()
    }

    fn fail(&mut self, id: &ObjectId, path: &RepoPath, message: String) {
        self.failed.push(FailedObject {
            id: id.clone(),
            path: Some(path.clone()),
            message,
        });
    }

    fn wait_until(&mut self, at: Instant) {
        self.next = Some(self.next.map_or(at, |known| known.min(at)));
    }

    fn consider(&mut self, object: &Arc<Object>, id: ObjectId, served: &ServedKind, around: &Surroundings<'_>) {
        let entry = around.ledger.entry(&id);
        let hash = around.ledger.hash(&id, object);
        self.hashes.push((id.clone(), Arc::clone(object), hash));
        let reason = match need(entry, hash, &id, around) {
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
        let by = match &reason {
            Reason::Drift(by) => Some(by.clone()),
            Reason::Gone => Some(None),
            _ => None,
        };
        if let Some(by) = by {
            match object.intent.drift {
                Drift::Ignore => {
                    self.untouched += 1;
                    return;
                }
                Drift::Warn => {
                    self.untouched += 1;
                    self.drifted.push(Drifted {
                        id,
                        path: object.origin.path().clone(),
                        by,
                    });
                    return;
                }
                Drift::Repair => {}
            }
            if let Some((entry, until)) = entry.and_then(|entry| Some((entry, entry.calm_until(around.now)?))) {
                self.untouched += 1;
                self.contested.push(Contested {
                    id,
                    path: object.origin.path().clone(),
                    by: by.or_else(|| entry.opponent().map(str::to_owned)),
                    repairs: entry.recent_repairs(around.now),
                    next_in: until - around.now,
                });
                self.wait_until(until);
                return;
            }
        }
        self.waves
            .entry(Wave::of(&served.kind.kind))
            .or_default()
            .push(Application {
                id,
                served: served.clone(),
                object: Arc::clone(object),
                hash,
                reason,
            });
    }
}

pub(super) fn is_record(id: &ObjectId, set: &SetName) -> bool {
    GroupKind::of(id).is("", "ConfigMap") && id.namespace.as_deref() == Some(&set.namespace) && id.name == set.name
}

/// The declared object under the kind's other versions: a version that went away does not make it undeclared.
fn place_unserved(object: &Object, around: &Surroundings<'_>) -> ObjectId {
    match around.kinds.preferred.get(&GroupKind::of(&object.id)) {
        Some(served) => served.place(&object.id, around.default_namespace),
        None => object.id.clone(),
    }
}

fn unserved(version: &KindVersion, kinds: &Kinds) -> String {
    if kinds.unanswered.contains(&version.kind.group) {
        return format!(
            "the server behind API group {} does not answer; tidegate tries again",
            version.kind.group
        );
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
