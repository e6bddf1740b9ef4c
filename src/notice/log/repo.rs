use crate::model::Severity;
use crate::notice::repo::RepoEvent;
use crate::notice::reporter::Phase;

pub(super) fn log(event: &RepoEvent, phase: Phase) {
    match (event, phase) {
        (RepoEvent::HeadMoved { commit }, _) => tracing::info!(%commit, "the head of the branch moved"),
        (RepoEvent::FetchFailed { .. }, Phase::Over) => tracing::info!("the config repo answers again"),
        (RepoEvent::FetchFailed { problem, message }, Phase::Still) => {
            tracing::debug!(?problem, error = %message, "fetch failed again");
        }
        (RepoEvent::FetchFailed { problem, message }, _) => {
            tracing::warn!(?problem, error = %message, "fetch failed");
        }
        (RepoEvent::HeadNotVerified { .. }, Phase::Over) => tracing::info!("the tip is verified again"),
        (RepoEvent::HeadNotVerified { .. }, Phase::Still) => {}
        (RepoEvent::HeadNotVerified { message, verified }, _) => {
            let known = verified.map(|commit| commit.to_string());
            tracing::warn!(problem = %message, known, "the tip is not verified");
        }
        (RepoEvent::Finding(finding), Phase::New) => match finding.severity {
            Severity::Notice => tracing::info!(%finding, "config repo"),
            Severity::Warning | Severity::Error => tracing::warn!(%finding, "config repo"),
        },
        (RepoEvent::Finding(_), _) => {}
        (first, _) => log_first(first),
    }
}

/// What is reported once, after the first fetch.
fn log_first(event: &RepoEvent) {
    match event {
        RepoEvent::Doubtful {
            repo,
            commit,
            files,
            missing,
            existing,
            message,
        } => {
            tracing::warn!(%repo, %commit, files, %missing, there = %existing, "{message}");
        }
        RepoEvent::Recognised {
            repo,
            commit,
            objects,
            files,
            is_known: true,
        } => {
            tracing::info!(%repo, %commit, objects, files, "the repository continues from the commit that was applied last");
        }
        RepoEvent::Recognised {
            repo,
            commit,
            objects,
            files,
            is_known: false,
        } => {
            tracing::info!(%repo, %commit, objects, files, "the repository is read for the first time");
        }
        RepoEvent::HistoryReplaced {
            repo,
            commit,
            objects,
            last,
        } => {
            tracing::warn!(%repo, %commit, objects, %last, "the branch does not contain the commit that was applied last: this is another repository, or its history was rewritten; it is applied, and nothing is pruned until a person confirms the deletions with `tidegate confirm`");
        }
        RepoEvent::HeadMoved { .. }
        | RepoEvent::FetchFailed { .. }
        | RepoEvent::Finding(_)
        | RepoEvent::HeadNotVerified { .. } => {}
    }
}
