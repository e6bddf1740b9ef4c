use super::edits;
use crate::catalog::MAX_FILE_BYTES;
use crate::history::{self, Bump};
use crate::manifest::TagChange;
use crate::model::{BranchName, CommitId, FieldId, Severity};
use crate::plan::{BumpPlan, Outcome as Decision, PlannedBump, Recorded};
use crate::port::{
    ChangeRequest, ConfigRepo, DeclaredState, Forge, ForgeFailure, HistoryCommit, RepoFailure, RequestState,
};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Where bumps are pushed to for people to merge, and the forge that asks them to.
pub struct Side {
    /// The branch; nobody else writes it.
    pub branch: BranchName,
    /// Where a request is opened; without one people look at the branch themselves.
    pub forge: Option<Arc<dyn Forge>>,
    quiet: Mutex<Option<(Instant, String)>>,
}

/// What stands on the side branch above the followed one.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) tip: Option<CommitId>,
    pub(super) commits: Vec<HistoryCommit>,
}

/// More commits than this above the followed branch are somebody's work.
const MOST: usize = 100;

impl Side {
    /// A side branch, and the forge if requests are wanted.
    pub fn new(branch: BranchName, forge: Option<Arc<dyn Forge>>) -> Self {
        Self {
            branch,
            forge,
            quiet: Mutex::default(),
        }
    }

    /// All requests there are; none without a forge. A forge that asked for quiet is not asked before.
    pub(super) async fn requests(&self) -> Result<Vec<ChangeRequest>, String> {
        let Some(forge) = &self.forge else {
            return Ok(Vec::new());
        };
        let quiet = self.quiet.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((until, message)) = quiet
            && Instant::now() < until
        {
            return Err(message);
        }
        let requests = forge.requests().await;
        requests.map_err(|failure| self.failed(failure))
    }

    /// Notes how long the forge wants to be left alone.
    pub(super) fn failed(&self, failure: ForgeFailure) -> String {
        *self.quiet.lock().unwrap_or_else(PoisonError::into_inner) = failure
            .wait
            .and_then(|wait| Some((Instant::now().checked_add(wait)?, failure.message.clone())));
        failure.message
    }
}

impl Standing {
    /// What it bumps.
    pub(super) fn bumps(&self) -> Vec<Bump> {
        let all = self.commits.iter().flat_map(|commit| history::bumps(&commit.message));
        all.collect()
    }

    /// Reads the side branch's commits above `tip`; the first that is not ours, if there is one.
    pub(super) async fn read(
        repo: &impl ConfigRepo,
        side: Option<CommitId>,
        tip: CommitId,
    ) -> Result<(Self, Option<HistoryCommit>), RepoFailure> {
        let Some(side) = side else {
            return Ok(Default::default());
        };
        let commits = repo.history(side, Some(tip), MOST).await?;
        let mut strange = None;
        for commit in &commits {
            if !is_ours(repo, commit).await? {
                strange = Some(commit.clone());
            }
        }
        let standing = Self {
            tip: Some(side),
            commits,
        };
        Ok((standing, strange))
    }
}

/// Whether the commit holds nothing but our work: doing what its trailers say to its parent gives its very bytes (whoever
/// committed it: forges rewrite commits), or it merges and no file in it differs from all its parents.
async fn is_ours(repo: &impl ConfigRepo, commit: &HistoryCommit) -> Result<bool, RepoFailure> {
    if commit.parents.len() > 1 {
        let mut edited: BTreeSet<_> = commit.changes.iter().map(|change| &change.path).collect();
        for changes in &commit.merged {
            let here: BTreeSet<_> = changes.iter().map(|change| &change.path).collect();
            edited.retain(|path| here.contains(path));
        }
        return Ok(edited.is_empty());
    }
    let bumps = history::bumps(&commit.message);
    for change in &commit.changes {
        let (Some(before), Some(after)) = (change.before, change.after) else {
            return Ok(false);
        };
        let contents = repo.blobs(vec![before, after], MAX_FILE_BYTES).await?;
        let [Some(before), Some(after)] = <[_; 2]>::try_from(contents).unwrap_or_default() else {
            return Ok(false);
        };
        let changes = bumps.iter().map(|bump| TagChange {
            object: bump.field.object.clone(),
            field: bump.field.field.clone(),
            tag: bump.new.clone(),
            digest: bump.digest.clone().filter(|_| bump.pinned),
        });
        if edits::write(&change.path, &before, changes.collect()).0 != Some(after) {
            return Ok(false);
        }
    }
    Ok(!bumps.is_empty() && !commit.changes.is_empty())
}

/// A bump that stands on the side branch and of which nothing is known now, so that its absence from the plan says
/// nothing. One that nobody asks for any more is known.
pub(super) fn undecided(standing: &Standing, declared: &DeclaredState, plan: &BumpPlan) -> Option<FieldId> {
    let incomplete = declared
        .findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    standing.bumps().into_iter().map(|bump| bump.field).find(|field| {
        match plan.decisions.iter().find(|decision| decision.field == *field) {
            Some(decision) => decision.outcome == Decision::Unknown,
            None => incomplete,
        }
    })
}

/// Takes out of the plan what a person has closed a request for, or has merged and taken back, and says so in its
/// decisions. Of what was merged the history tells as long as it `knows` the bump: some forges' squashes lose the trailers.
pub(super) fn leave_out_rejected(
    plan: &mut BumpPlan,
    requests: &[ChangeRequest],
    knows: impl Fn(&PlannedBump) -> bool,
) -> usize {
    let ended: Vec<(Recorded, &ChangeRequest)> = requests
        .iter()
        .filter(|request| request.state != RequestState::Open)
        .map(|request| (Recorded::of(&request.body), request))
        .filter(|(recorded, _)| !recorded.overtaken)
        .collect();
    let BumpPlan { bumps, decisions } = plan;
    let before = bumps.len();
    bumps.retain(|bump| {
        let Some((_, request)) = ended.iter().find(|(recorded, _)| recorded.proposes(bump)) else {
            return true;
        };
        let what = match request.state {
            RequestState::Merged if knows(bump) => return true,
            RequestState::Merged => "was merged and taken back again",
            _ => "was closed without being merged",
        };
        if let Some(decision) = decisions.iter_mut().find(|decision| decision.field == bump.field) {
            decision.outcome = Decision::Held;
            decision.reason = format!(
                "held: a request for {} {what} ({}); a newer tag, or the same set by hand, lifts that",
                bump.record().after(),
                request.url
            );
        }
        false
    });
    before - bumps.len()
}

/// What a request is told when we close it.
pub(super) const OVERTAKEN: &str = "Overtaken: nothing of this is left to do. The branch has newer images, or they are no \
                                    longer asked for. Newer tags get a request of their own.";
