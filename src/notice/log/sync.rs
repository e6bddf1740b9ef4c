use crate::notice::reporter::Phase;
use crate::notice::sync::{ObjectChange, SyncEvent};

pub(super) fn log(event: &SyncEvent, phase: Phase) {
    match (event, phase) {
        (SyncEvent::ObjectApplied { id, path, change, by }, _) => {
            let by = by.as_deref();
            match change {
                ObjectChange::Created => tracing::info!(object = %id, %path, "created"),
                ObjectChange::Configured => tracing::info!(object = %id, %path, "configured"),
                ObjectChange::Repaired => tracing::info!(object = %id, %path, by, "drift repaired"),
                ObjectChange::Unchanged => tracing::debug!(object = %id, "unchanged"),
            }
        }
        (SyncEvent::ObjectPruned { id }, _) => tracing::info!(object = %id, "pruned"),
        // The object is among the pass's problems, too, which are logged when they are new.
        (SyncEvent::ObjectRefused { .. }, _) => {}
        (SyncEvent::TargetAway { .. }, Phase::Over) => tracing::info!("the API server answers again"),
        (SyncEvent::TargetAway { message }, Phase::Changed) => {
            tracing::debug!(problem = %message, "sync: the API server is still away");
        }
        (SyncEvent::TargetAway { message } | SyncEvent::Problem { message }, Phase::New) => {
            tracing::warn!(problem = %message, "sync");
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
        ) => tracing::info!(%commit, objects, requests, "applied"),
        (SyncEvent::TargetAway { .. } | SyncEvent::Problem { .. } | SyncEvent::CommitApplied { .. }, _) => {}
    }
}
