use super::sync_plan::Approval;
use crate::history;
use crate::model::CommitId;
use crate::port::{ConfigRepo, RepoFailure};

/// The most bumps of the agent after a confirmed commit. After more bumps a person must confirm again.
const MAX_BUMPS: usize = 100;

/// Which deletions of `tip` are approved, by the settings and by the history.
///
/// A confirmed commit also confirms the tip if only bumps of the agent lie between the two: on a busy repository the tip
/// would otherwise have moved on before a person can name it.
///
/// # Errors
/// The config repo cannot be read.
pub async fn approval(
    repo: &impl ConfigRepo,
    confirmed: Option<CommitId>,
    last_applied: Option<CommitId>,
    tip: CommitId,
) -> Result<Approval, RepoFailure> {
    let history_broken = match last_applied {
        Some(last) if last != tip => !repo.is_ancestor(last, tip).await?,
        _ => false,
    };
    let confirmed = match confirmed {
        Some(commit) if commit != tip && has_only_bumps_since(repo, commit, tip).await? => Some(tip),
        as_written => as_written,
    };
    Ok(Approval {
        confirmed,
        history_broken,
    })
}

async fn has_only_bumps_since(repo: &impl ConfigRepo, commit: CommitId, tip: CommitId) -> Result<bool, RepoFailure> {
    if !repo.is_ancestor(commit, tip).await? {
        return Ok(false);
    }
    let since = repo.history(tip, Some(commit), MAX_BUMPS).await?;
    let all_bumps = since.iter().all(|commit| !history::bumps(&commit.message).is_empty());
    Ok(since.len() < MAX_BUMPS && all_bumps)
}
