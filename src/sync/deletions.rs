use super::plan::{DeletionStep, Surroundings, SyncPlan, is_record};
use super::report::WaitingDeletions;
use crate::port::TargetState;
use crate::resource::{GroupKind, Wave, may_prune};
use std::cmp::Reverse;

impl SyncPlan {
    /// Decides what of the set that is no longer declared goes now, waits for a person, or stays.
    pub(super) fn consider_deletions(&mut self, declared: &TargetState, around: &Surroundings<'_>) {
        let mut steps = Vec::new();
        let mut set = 0;
        for (id, live) in around.observed.objects() {
            set += 1;
            if self.declared.contains(id) || is_record(id, around.set) {
                continue;
            }
            match may_prune(id, live, &around.set.namespace) {
                Err(kept) => self.kept.push((id.clone(), kept)),
                Ok(()) if around.ledger.has_deleted(id, &live.uid, around.now) => {}
                Ok(()) => {
                    if let Some(served) = around.kinds.preferred.get(&GroupKind::of(id)) {
                        steps.push(DeletionStep {
                            id: id.clone(),
                            served: served.clone(),
                            seen: live.clone(),
                        });
                    }
                }
            }
        }
        if steps.is_empty() {
            return;
        }
        steps.sort_by_key(|step| (Reverse(Wave::of(&step.served.kind.kind)), step.id.clone()));
        if let Some(obstacle) = obstacle(declared, around) {
            self.prune_blocked = Some(format!("{} not deleted: {obstacle}", counted(steps.len())));
            return;
        }
        let confirmed = around.consent.confirmed == Some(declared.commit);
        let reason = if confirmed {
            None
        } else if around.consent.history_broken {
            Some("the commit applied before is no ancestor of this one".to_owned())
        } else if around.limit.is_exceeded(steps.len(), set) {
            Some(format!(
                "that is more than a commit may delete unasked (more than {} objects or {} % of the {set} in the set)",
                around.limit.count, around.limit.percent
            ))
        } else {
            None
        };
        match reason {
            None => self.deletions = steps,
            Some(reason) => {
                self.waiting = Some(WaitingDeletions {
                    remedy: format!(
                        "{} not deleted: {reason}; to delete, set sync.deletions.confirm to {}, or bring the manifests back",
                        counted(steps.len()),
                        declared.commit
                    ),
                    objects: steps.into_iter().map(|step| step.id).collect(),
                });
            }
        }
    }
}

fn counted(objects: usize) -> String {
    match objects {
        1 => "1 object that is no longer declared was".to_owned(),
        more => format!("{more} objects that are no longer declared were"),
    }
}

/// What forbids to conclude anything from absence.
fn obstacle(declared: &TargetState, around: &Surroundings<'_>) -> Option<String> {
    if !declared.complete {
        return Some("not every file of the commit could be read; mend the files that are reported".to_owned());
    }
    if let Some(group) = around.kinds.unanswered.iter().next() {
        return Some(format!(
            "the server behind API group {group} does not answer, so what is declared cannot be known for sure"
        ));
    }
    around.recorded.iter().find_map(|kind| {
        let view = around.observed.kinds.get(kind);
        let served = around.kinds.preferred.contains_key(kind);
        (served && !view.is_some_and(|view| view.synced)).then(|| {
            let reason = view.and_then(|view| view.failing.as_deref()).unwrap_or("not read yet");
            format!("objects of kind {kind} cannot be read now: {reason}")
        })
    })
}
