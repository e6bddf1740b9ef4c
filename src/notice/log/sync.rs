use crate::model::TargetId;
use crate::notice::reporter::Phase;
use crate::notice::sync::{ObjectChange, SyncEvent};

/// The field is called `sync_target`, since `target` is what `tracing` calls the module that logs.
pub(super) fn log(target: &TargetId, event: &SyncEvent, phase: Phase) {
    match (event, phase) {
        (SyncEvent::ObjectApplied { .. }, _) => log_applied(target, event),
        (SyncEvent::ObjectPruned { id }, _) => tracing::info!(sync_target = %target, object = %id, "pruned"),
        (SyncEvent::NotReadyInTime { objects }, _) => {
            let objects: Vec<String> = objects.iter().map(ToString::to_string).collect();
            let objects = objects.join(", ");
            tracing::warn!(sync_target = %target, %objects, "definitions or namespaces are not ready in time, going on without them");
        }
        (SyncEvent::AuditMissed { objects }, _) => {
            tracing::warn!(sync_target = %target, objects, "an audit found objects that no pass had looked at; please report this as a bug");
        }
        (SyncEvent::AuditDisagreed { id }, _) => {
            tracing::warn!(sync_target = %target, object = %id, "a dry run would change the object although no field of the agent was changed; it is applied; please report this");
        }
        // The object is among the pass's problems, too, which are logged when they are new.
        (SyncEvent::ObjectRefused { .. }, _) => {}
        // Each object is logged on its own.
        (SyncEvent::ObjectsAdopted { .. }, _) => {}
        (SyncEvent::ObjectUnsettled { id, .. }, Phase::Over) => {
            tracing::info!(sync_target = %target, object = %id, "settled");
        }
        (SyncEvent::ObjectUnsettled { id, path, message }, Phase::New) => {
            tracing::warn!(sync_target = %target, object = %id, %path, problem = %message, "not settled");
        }
        (SyncEvent::TargetAway { .. }, Phase::Over) => {
            tracing::info!(sync_target = %target, "the API server answers again");
        }
        (SyncEvent::TargetAway { message }, Phase::Changed) => {
            tracing::debug!(sync_target = %target, problem = %message, "the API server still does not answer");
        }
        (
            SyncEvent::TargetAway { message } | SyncEvent::Problem { message } | SyncEvent::DeletionsWait { message },
            Phase::New,
        ) => {
            tracing::warn!(sync_target = %target, problem = %message, "sync failed");
        }
        (
            SyncEvent::CommitApplied {
                commit,
                objects,
                requests,
                problems: None,
                ..
            },
            Phase::New | Phase::Changed,
        ) => tracing::info!(sync_target = %target, %commit, objects, requests, "applied"),
        (
            SyncEvent::CommitJudged {
                commit,
                is_healthy: true,
                took_time: true,
                ..
            },
            Phase::New | Phase::Changed,
        ) => tracing::info!(sync_target = %target, %commit, "healthy"),
        (
            SyncEvent::CommitJudged {
                commit,
                is_healthy: false,
                faults,
                ..
            },
            Phase::New | Phase::Changed,
        ) => tracing::warn!(sync_target = %target, %commit, problem = %faults.join("; "), "degraded"),
        (
            SyncEvent::TargetAway { .. }
            | SyncEvent::CommitJudged { .. }
            | SyncEvent::Problem { .. }
            | SyncEvent::DeletionsWait { .. }
            | SyncEvent::ObjectUnsettled { .. }
            | SyncEvent::CommitApplied { .. },
            _,
        ) => {}
    }
}

fn log_applied(target: &TargetId, event: &SyncEvent) {
    let SyncEvent::ObjectApplied {
        id,
        path,
        change,
        by,
        removed,
    } = event
    else {
        return;
    };
    let by = by.as_deref();
    match change {
        ObjectChange::Created => tracing::info!(sync_target = %target, object = %id, %path, "created"),
        ObjectChange::Configured => tracing::info!(sync_target = %target, object = %id, %path, "configured"),
        ObjectChange::Repaired => {
            let removed = (!removed.is_empty()).then(|| removed.join(", "));
            tracing::info!(sync_target = %target, object = %id, %path, by, removed, "drift repaired");
        }
        ObjectChange::Adopted => {
            tracing::info!(sync_target = %target, object = %id, %path, former_owner = by, "adopted");
        }
        ObjectChange::Recreated => {
            tracing::info!(sync_target = %target, object = %id, %path, "deleted and created anew: a changed field is immutable");
        }
        ObjectChange::Unchanged => tracing::debug!(sync_target = %target, object = %id, "unchanged"),
    }
}
