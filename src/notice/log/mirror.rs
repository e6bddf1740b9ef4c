use crate::model::TargetId;
use crate::notice::mirror::MirrorEvent;
use crate::notice::reporter::Phase;

pub(super) fn log(target: &TargetId, event: &MirrorEvent, phase: Phase) {
    match (event, phase) {
        (MirrorEvent::Written { counts }, _) => {
            let of = |outcome| counts.get(outcome).copied().unwrap_or_default();
            let (created, changed) = (of("created"), of("changed"));
            let (replaced, deleted) = (of("replaced"), of("deleted"));
            tracing::info!(sync_target = %target, created, changed, replaced, deleted, "mirrors written");
        }
        (MirrorEvent::Problem { about, .. }, Phase::Over) => {
            tracing::info!(sync_target = %target, object = %about, "mirrors: as the rules say again");
        }
        (MirrorEvent::Problem { about, message }, Phase::New | Phase::Changed) => {
            tracing::warn!(sync_target = %target, object = %about, problem = %message, "mirrors: not as the rules say");
        }
        (MirrorEvent::Off { .. }, Phase::Over) => {
            tracing::info!(sync_target = %target, "mirrors are kept again");
        }
        (MirrorEvent::Off { reason }, Phase::New | Phase::Changed) => {
            tracing::warn!(sync_target = %target, problem = %reason, "no mirror is kept");
        }
        (MirrorEvent::Problem { .. } | MirrorEvent::Off { .. }, _) => {}
    }
}
