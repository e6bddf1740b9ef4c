use crate::notice::automation::AutomationEvent;
use crate::notice::reporter::Phase;
use crate::plan::Outcome;

pub(super) fn log(event: &AutomationEvent, phase: Phase) {
    match event {
        AutomationEvent::BumpsNotMade { problem } if phase == Phase::Still => {
            tracing::debug!(%problem, "bumps are still not made");
        }
        _ if !phase.is_news() => {}
        AutomationEvent::BumpsNotMade { problem } => tracing::warn!(%problem, "bumps are not made"),
        AutomationEvent::FieldDecided {
            field,
            path,
            position,
            outcome,
            reason,
        } => match outcome {
            Outcome::Held => tracing::info!(%field, %reason, "the field is held"),
            Outcome::InvalidPolicy | Outcome::NoCandidate | Outcome::Denied | Outcome::Failed => {
                tracing::warn!(%path, %position, %field, %reason, "the field is not bumped");
            }
            _ => tracing::debug!(%field, %reason, "the field is decided"),
        },
        AutomationEvent::HistoryCut { commits } => {
            tracing::warn!(
                commits,
                "the history has more commits than are read: reverts before them make no holds"
            );
        }
        AutomationEvent::CommitLanded { commit, bumps } => {
            for bump in bumps {
                let from = bump.from.as_ref().map(tracing::field::display);
                let name = bump.new_name.as_deref();
                tracing::info!(%commit, field = %bump.field, from, to = %bump.to, name, "bumped");
            }
        }
        AutomationEvent::TakenBack { commit, reverts } => {
            for revert in reverts {
                let (from, to) = (revert.bump.after(), revert.bump.before());
                let (target, object, reason) = (&revert.target, &revert.object, &*revert.why);
                tracing::warn!(%commit, field = %revert.field, %from, %to, %target, %object, reason, "taken back: the rollout failed");
            }
        }
        AutomationEvent::BumpStays { field, reason } => {
            tracing::warn!(%field, %reason, "the image fails, and its bump is not taken back");
        }
        AutomationEvent::RaceLost => tracing::info!("another push moved the branch first; fetching and deciding again"),
    }
}
