use super::plan::{DeletionStep, PlanInputs, SyncPlan};
use super::report::WaitingDeletions;
use crate::port::TargetState;
use crate::resource::{GroupKind, Wave, may_prune};
use std::cmp::Reverse;

impl SyncPlan {
    /// Decides which members of the set that are no longer declared are deleted now, wait for a person, or are retained.
    pub(super) fn consider_deletions(&mut self, declared: &TargetState, inputs: &PlanInputs<'_>) {
        let (steps, set) = self.undeclared(inputs);
        if steps.is_empty() {
            return;
        }
        let count = steps.len();
        if let Some(obstacle) = obstacle(declared, inputs) {
            self.prune_blocked = Some(format!("{} not deleted: {obstacle}", counted(count)));
        } else if let Some(reason) = needs_confirmation(declared, inputs, count, set) {
            self.waiting = Some(WaitingDeletions {
                remedy: format!(
                    "{} not deleted: {reason}; to delete, set sync.deletions.confirm to {}, or bring the manifests back",
                    counted(count),
                    declared.commit
                ),
                objects: steps.into_iter().map(|step| step.id).collect(),
            });
        } else {
            self.deletions = steps;
        }
    }

    /// The members that may be pruned, later waves first, and the size of the set. Records why the others are retained.
    fn undeclared(&mut self, inputs: &PlanInputs<'_>) -> (Vec<DeletionStep>, usize) {
        let mut steps = Vec::new();
        let mut set = 0;
        for (id, live) in inputs.observed.objects() {
            set += 1;
            if self.declared.contains(id) || inputs.protected.objects.contains(id) {
                continue;
            }
            match may_prune(id, live, inputs.protected) {
                Err(reason) => self.retained.push((id.clone(), reason)),
                Ok(()) if inputs.cache.has_deleted(id, &live.uid, inputs.now) => {}
                Ok(()) => {
                    if let Some(served) = inputs.kinds.preferred.get(&GroupKind::of(id)) {
                        steps.push(DeletionStep {
                            id: id.clone(),
                            served: served.clone(),
                            seen: live.clone(),
                        });
                    }
                }
            }
        }
        steps.sort_by_key(|step| (Reverse(Wave::of(&step.served.kind.kind)), step.id.clone()));
        (steps, set)
    }
}

/// Why the deletions wait for a person; `None` if they do not.
fn needs_confirmation(declared: &TargetState, inputs: &PlanInputs<'_>, deletions: usize, set: usize) -> Option<String> {
    if inputs.approval.confirmed == Some(declared.commit) {
        None
    } else if inputs.approval.history_broken {
        Some("the commit applied before is not an ancestor of this commit".to_owned())
    } else if inputs.limit.is_exceeded(deletions, set) {
        Some(format!(
            "a commit may not delete this many without confirmation (more than {} objects, or more than {} % of the \
             {set} in the set)",
            inputs.limit.count, inputs.limit.percent
        ))
    } else {
        None
    }
}

fn counted(objects: usize) -> String {
    match objects {
        1 => "1 object that is no longer declared was".to_owned(),
        more => format!("{more} objects that are no longer declared were"),
    }
}

/// Why absence proves nothing: something could not be read.
fn obstacle(declared: &TargetState, inputs: &PlanInputs<'_>) -> Option<String> {
    if !declared.complete {
        return Some("not every file of the commit could be read; correct the files that are reported".to_owned());
    }
    if let Some(group) = inputs.kinds.unanswered.iter().next() {
        return Some(format!(
            "the server behind API group {group} does not answer, so that it is not certain what is declared"
        ));
    }
    inputs.recorded.iter().find_map(|kind| {
        let view = inputs.observed.kinds.get(kind);
        let served = inputs.kinds.preferred.contains_key(kind);
        (served && !view.is_some_and(|view| view.synced)).then(|| {
            let reason = view.and_then(|view| view.failing.as_deref()).unwrap_or("not read yet");
            format!("objects of kind {kind} cannot be read at the moment: {reason}")
        })
    })
}
