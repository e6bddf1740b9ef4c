//! Objects that are deleted and created anew, because the server refuses the change of an immutable field.
//!
//! Only what `tidegate.dev/recreate: "true"` in the manifest asks for, and what the agent itself applied by its record: the
//! rules of pruning hold, and so do its limits. The deletion is bound to the UID and the version that the watch showed. The
//! object is created when it is gone: in the same pass, or in the pass that the watch wakes.

use super::apply_cache::Entry;
use super::first_contact::{Manners, create};
use super::pass_outcome::OVERTAKEN;
use super::report::{AppliedObject, Change, SyncReport};
use super::sync_plan::{ApplyStep, SyncPlan};
use super::syncer::Syncer;
use crate::port::{Applied, ClusterFailure, Dependents, Mode, Observed, RecordStore, TargetApi};
use crate::resource::{
    Authorship, GroupKind, MemberKey, Members, ObservedObject, Protected, RetainReason, holds_data, may_prune,
};
use tokio::time::Instant;

const NOT_OURS: &str = "it is not deleted: it was not applied by tidegate, as far as the record of the set says; delete it by hand, \
                        and it is created from its manifest";
const WAITS: &str = "it is being deleted, and is created anew when it is gone";

/// An object whose change the server refused because a field cannot change.
pub(super) struct Immutable {
    pub(super) step: ApplyStep,
    /// The server's message.
    pub(super) message: String,
}

/// What the agent knows of an object that it might delete and create anew.
pub(super) struct Known<'a> {
    pub(super) live: Option<&'a ObservedObject>,
    pub(super) entry: Option<&'a Entry>,
    pub(super) members: &'a Members,
    pub(super) protected: &'a Protected,
}

/// The live object that may be deleted so that its manifest can be applied.
///
/// # Errors
/// Why it is not deleted, and what to do.
pub(super) fn may_recreate(step: &ApplyStep, known: &Known<'_>) -> Result<ObservedObject, String> {
    let kind = GroupKind::of(&step.id);
    let intent = &step.object.intent;
    if holds_data(&kind) {
        return Err(format!("an object of kind {kind} is never deleted to be created anew"));
    }
    if !intent.recreate {
        return Err(
            "to have the object deleted and created anew, annotate its manifest tidegate.dev/recreate: \"true\""
                .to_owned(),
        );
    }
    if intent.keep {
        return Err(
            "its manifest says both tidegate.dev/recreate: \"true\" and tidegate.dev/prune: \"disabled\"; remove one of the two"
                .to_owned(),
        );
    }
    let last = known.entry.and_then(|entry| entry.applied.as_ref());
    let live = match (known.live, last) {
        (Some(live), _) => live,
        (None, Some(_)) => return Err("it is not deleted: the watch does not show it yet".to_owned()),
        (None, None) => return Err(NOT_OURS.to_owned()),
    };
    if live.is_terminating {
        return Err(WAITS.to_owned());
    }
    if last.is_some_and(|last| last.uid == live.uid && last.hash == step.hash) {
        return Err("it is not deleted: it was created from this very manifest".to_owned());
    }
    match may_prune(&step.id, live, known.members, known.protected) {
        Ok(Authorship::Recorded) => Ok(live.clone()),
        Ok(Authorship::Unknown | Authorship::Foreign) | Err(RetainReason::NotApplied) => Err(NOT_OURS.to_owned()),
        Err(reason) => Err(format!("it is not deleted: {reason}")),
    }
}

/// What happens to the pods and other dependents. A workload's pods must be gone before the next ones start: two runs of one
/// Job must not meet. A StatefulSet leaves them to the next StatefulSet of its name, with their volumes.
fn dependents(kind: &GroupKind) -> Dependents {
    let is_custom = kind.group.contains('.') && !kind.group.ends_with(".k8s.io");
    if kind.is("apps", "StatefulSet") {
        Dependents::Stay
    } else if is_custom || kind.group == "apps" || kind.group == "batch" {
        Dependents::Before
    } else {
        Dependents::After
    }
}

impl<A: TargetApi, R: RecordStore> Syncer<A, R> {
    /// Deletes and creates anew what may be, and reports the others as refused.
    pub(super) async fn recreate(
        &mut self,
        plan: &SyncPlan,
        refused: Vec<Immutable>,
        report: &mut SyncReport,
    ) -> Result<(), ClusterFailure> {
        let mut chosen = Vec::new();
        for Immutable { step, message } in refused {
            match self.may_recreate(&step) {
                Ok(seen) => chosen.push((step, seen, message)),
                Err(reason) => self.note_failed(&step, format!("{message}; {reason}"), report),
            }
        }
        let done = match self.recreated {
            Some((commit, count)) if commit == report.commit => count,
            _ => 0,
        };
        self.recreated = Some((report.commit, done));
        if let Some(reason) = self.too_many(plan, done + chosen.len()) {
            for (step, _, message) in chosen {
                self.note_failed(&step, format!("{message}; {reason}"), report);
            }
            return Ok(());
        }
        // A process that ends between the two writes must know the new objects as its own.
        let identities = chosen.iter().map(|(step, ..)| MemberKey::of_identity(&step.id));
        self.claim_identities(identities.collect()).await?;
        if self.is_overtaken() {
            for (step, _, message) in chosen {
                self.note_failed(&step, format!("{message}; it is not deleted: {OVERTAKEN}"), report);
            }
            return Ok(());
        }
        for (step, seen, message) in chosen {
            self.recreate_one(&step, &seen, &message, report).await?;
        }
        Ok(())
    }

    /// The live object, if it may be deleted so that the manifest can be applied.
    pub(super) fn may_recreate(&self, step: &ApplyStep) -> Result<ObservedObject, String> {
        self.observed().read(|observed| {
            may_recreate(
                step,
                &Known {
                    live: observed.object(&step.id),
                    entry: self.cache.entry(&step.id),
                    members: self.authors.members(),
                    protected: &self.target.protected,
                },
            )
        })
    }

    /// Why so many objects are not deleted at once, if they are not. The set is not emptied by objects that come back.
    pub(super) fn too_many(&self, plan: &SyncPlan, recreations: usize) -> Option<String> {
        if recreations == 0 {
            return None;
        }
        if plan.history_broken {
            return Some(
                "it is not deleted: the commit applied before is not an ancestor of this commit; confirm the commit first".to_owned(),
            );
        }
        let deletions = recreations + plan.deletions.len();
        let set = self.observed().read(Observed::count);
        let is_exceeded = self.limit.is_exceeded(deletions, set.max(deletions + 1));
        is_exceeded.then(|| {
            format!(
                "it is not deleted: a commit may not delete {deletions} objects (more than {} objects, or more than {} % of the \
                 {set} in the set); recreate fewer at once, or delete the objects by hand",
                self.limit.count, self.limit.percent
            )
        })
    }

    async fn recreate_one(
        &mut self,
        step: &ApplyStep,
        seen: &ObservedObject,
        refusal: &str,
        report: &mut SyncReport,
    ) -> Result<(), ClusterFailure> {
        let api = self.target.api.clone();
        let kind = GroupKind::of(&step.id);
        match api.delete(&step.served, &step.id, seen, dependents(&kind)).await {
            Ok(_) => {}
            Err(failure) if failure.is_outage() => return Err(failure),
            Err(ClusterFailure::Conflict { .. }) => {
                let reason = "it changed while it was to be deleted, and tidegate tries again";
                self.note_failed(step, format!("{refusal}; {reason}"), report);
                return Ok(());
            }
            Err(failure) => {
                self.note_failed(step, format!("{refusal}; it cannot be deleted: {failure}"), report);
                return Ok(());
            }
        }
        if let Some((_, count)) = &mut self.recreated {
            *count += 1;
        }
        let set = self.set.clone();
        let manners = Manners {
            set: &set,
            adoption: self.adoption,
            mode: Mode::Write,
        };
        match create(&*api, step, manners).await {
            Ok(Some(applied)) => self.note_recreated(step, &applied, report),
            Ok(None) => self.note_failed(step, format!("{refusal}; {WAITS}"), report),
            Err(failure) if failure.is_outage() => return Err(failure),
            Err(failure) => self.note_failed(step, failure.to_string(), report),
        }
        Ok(())
    }

    fn note_recreated(&mut self, step: &ApplyStep, applied: &Applied, report: &mut SyncReport) {
        self.remember(step, applied, Instant::now());
        report.applied.push(AppliedObject {
            id: step.id.clone(),
            path: step.object.origin.path().clone(),
            change: Change::Recreated,
            by: None,
            removed: Vec::new(),
        });
    }
}
