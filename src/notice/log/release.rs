use crate::model::TargetId;
use crate::notice::release::ReleaseEvent;
use crate::notice::reporter::Phase;

pub(super) fn log(target: &TargetId, event: &ReleaseEvent, phase: Phase) {
    match (event, phase) {
        (
            ReleaseEvent::Happened {
                id,
                release,
                action,
                revision,
                problem,
                ..
            },
            _,
        ) => match problem {
            None => tracing::info!(sync_target = %target, object = %id, %release, revision, "{action}"),
            Some(problem) => {
                let verb = action.as_str();
                tracing::warn!(sync_target = %target, object = %id, %release, revision, problem, "helm {verb} failed");
            }
        },
        (
            ReleaseEvent::Repaired {
                id,
                release,
                object,
                by,
                fields,
            },
            _,
        ) => {
            let (by, fields) = (by.as_deref().unwrap_or("somebody"), fields.join(", "));
            tracing::info!(sync_target = %target, helm_release = %id, %release, object = %object, by, fields, "drift repaired");
        }
        (ReleaseEvent::Drifted { id, .. }, Phase::Over) => {
            tracing::info!(sync_target = %target, object = %id, "objects of the release are as its revision has them again");
        }
        (ReleaseEvent::Drifted { id, message }, Phase::New | Phase::Changed) => {
            tracing::warn!(sync_target = %target, object = %id, problem = %message, "objects of the release drifted");
        }
        (ReleaseEvent::Failing { id, .. }, Phase::Over) => {
            tracing::info!(sync_target = %target, object = %id, "HelmRelease is as declared again");
        }
        (ReleaseEvent::Failing { id, message }, Phase::New | Phase::Changed) => {
            tracing::warn!(sync_target = %target, object = %id, problem = %message, "HelmRelease not as declared");
        }
        (ReleaseEvent::Off { .. }, Phase::Over) => {
            tracing::info!(sync_target = %target, "HelmReleases are carried out again");
        }
        (ReleaseEvent::Off { reason }, Phase::New | Phase::Changed) => {
            tracing::warn!(sync_target = %target, problem = %reason, "HelmReleases are not carried out");
        }
        (ReleaseEvent::Failing { .. } | ReleaseEvent::Drifted { .. } | ReleaseEvent::Off { .. }, _) => {}
    }
}
