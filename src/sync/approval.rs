use super::plan_inputs::Approval;
use crate::history::Confirmation;
use crate::model::CommitId;
use crate::port::{ConfigRepo, HistoryCommit, RepoFailure};
use crate::resource::MemberKey;

/// How many commits may land between a deletion that waits and its confirmation.
const MAX_COMMITS: usize = 200;

/// Which deletions of `tip` are approved, by the settings and by the history. `waits`: deletions have waited already.
///
/// What commits say about themselves permits nothing: the plan compares the objects that would be deleted with those that
/// waited at the confirmed commit.
///
/// # Errors
/// The config repo cannot be read.
pub async fn approval(
    repo: &impl ConfigRepo,
    confirmed: Option<CommitId>,
    last_applied: Option<CommitId>,
    tip: CommitId,
    waits: bool,
) -> Result<Approval, RepoFailure> {
    let history_broken = match last_applied {
        Some(last) if last != tip => !repo.is_ancestor(last, tip).await?,
        _ => false,
    };
    let objects = match last_applied {
        Some(last) if last == tip => None,
        None if !waits => None,
        // A commit that is not in the history bounds nothing, and may not be in the repository.
        last => confirmation(repo, tip, last.filter(|_| !history_broken)).await?,
    };
    Ok(Approval {
        confirmed,
        history_broken,
        objects,
    })
}

/// What the newest confirmation since `last` stands for. A commit that confirms does nothing else: a commit that changes files
/// confirms nothing, whatever its message says.
async fn confirmation(
    repo: &impl ConfigRepo,
    tip: CommitId,
    last: Option<CommitId>,
) -> Result<Option<MemberKey>, RepoFailure> {
    let is_message_only = |commit: &&HistoryCommit| commit.changes.is_empty() && commit.parents.len() == 1;
    let since = repo.history(tip, last, MAX_COMMITS).await?;
    let mut confirmations = since.iter().filter(is_message_only);
    let newest = confirmations.find_map(|commit| Confirmation::read(&commit.message));
    Ok(newest.and_then(|confirmation| MemberKey::parse(&confirmation.objects)))
}
