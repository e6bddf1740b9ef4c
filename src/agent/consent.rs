use crate::history;
use crate::model::CommitId;
use crate::port::{ConfigRepo, RepoFailure};
use crate::sync::Consent;

/// Bumps of our own that may follow a confirmed commit before it has to be confirmed anew.
const BUMPS: usize = 100;

/// What a person has allowed and what the history says about the deletions of `tip`.
///
/// The confirmed commit's deletions are those of the tip, too, if nothing but bumps of ours lies between: on a busy
/// repository the tip would otherwise have moved on before anybody can name it.
pub(super) async fn consent(
    repo: &impl ConfigRepo,
    confirmed: Option<CommitId>,
    last_applied: Option<CommitId>,
    tip: CommitId,
) -> Result<Consent, RepoFailure> {
    let history_broken = match last_applied {
        Some(last) if last != tip => !repo.is_ancestor(last, tip).await?,
        _ => false,
    };
    let confirmed = match confirmed {
        Some(commit) if commit != tip && only_bumps_since(repo, commit, tip).await? => Some(tip),
        as_written => as_written,
    };
    Ok(Consent {
        confirmed,
        history_broken,
    })
}

async fn only_bumps_since(repo: &impl ConfigRepo, commit: CommitId, tip: CommitId) -> Result<bool, RepoFailure> {
    if !repo.is_ancestor(commit, tip).await? {
        return Ok(false);
    }
    let since = repo.history(tip, Some(commit), BUMPS).await?;
    let all_ours = since.iter().all(|commit| !history::bumps(&commit.message).is_empty());
    Ok(since.len() < BUMPS && all_ours)
}
