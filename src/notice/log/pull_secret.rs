use crate::model::TargetId;
use crate::notice::pull_secret::PullSecretEvent;
use crate::notice::reporter::Phase;

pub(super) fn log(target: &TargetId, event: &PullSecretEvent, phase: Phase) {
    match (event, phase) {
        (PullSecretEvent::Written { counts }, _) => {
            let of = |outcome| counts.get(outcome).copied().unwrap_or_default();
            let (created, changed, deleted) = (of("created"), of("changed"), of("deleted"));
            tracing::info!(sync_target = %target, created, changed, deleted, "pull secrets written");
        }
        (PullSecretEvent::Adopted { secret, hosts }, _) => {
            let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
            let hosts = hosts.join(", ");
            tracing::info!(sync_target = %target, object = %secret, hosts, "logins taken over from whoever made them");
        }
        (PullSecretEvent::Problem { about, .. }, Phase::Over) => {
            tracing::info!(sync_target = %target, object = %about, "pull secrets: as the rules say again");
        }
        (PullSecretEvent::Problem { about, message }, Phase::New | Phase::Changed) => {
            tracing::warn!(sync_target = %target, object = %about, problem = %message, "pull secrets: not as the rules say");
        }
        (PullSecretEvent::Off { .. }, Phase::Over) => {
            tracing::info!(sync_target = %target, "pull secrets are kept again");
        }
        (PullSecretEvent::Off { reason }, Phase::New | Phase::Changed) => {
            tracing::warn!(sync_target = %target, problem = %reason, "no pull secret is kept");
        }
        (PullSecretEvent::Problem { .. } | PullSecretEvent::Off { .. }, _) => {}
    }
}
