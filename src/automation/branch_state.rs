//! The commits of the proposal branch, and whether the agent made all of them.

use super::own_commit::is_ours;
use crate::history::{self, Bump};
use crate::model::{CommitId, FieldId, Finding};
use crate::plan::{BumpPlan, Outcome};
use crate::port::{ConfigRepo, DeclaredState, HistoryCommit, RepoFailure};

/// The commits of the proposal branch that the followed branch does not have.
#[derive(Debug, Default)]
pub(super) struct BranchState {
    /// The head of the branch; `None` if the branch does not exist.
    pub(super) head: Option<CommitId>,
    bumps: Vec<Bump>,
    /// A commit of another author on the branch, if there is one.
    pub(super) foreign_commit: Option<HistoryCommit>,
}

/// The most commits that the agent puts on the branch. A branch with more commits has the work of a person.
const MOST: usize = 100;

impl BranchState {
    /// Reads the commits from `head` down to the followed branch, whose head is `base`.
    pub(super) async fn read(
        repo: &impl ConfigRepo,
        head: Option<CommitId>,
        base: CommitId,
    ) -> Result<Self, RepoFailure> {
        let Some(head) = head else {
            return Ok(Self::default());
        };
        let commits = repo.history(head, Some(base), MOST).await?;
        let mut foreign_commit = None;
        for commit in &commits {
            if !is_ours(repo, commit).await? {
                foreign_commit = Some(commit.clone());
            }
        }
        Ok(Self {
            head: Some(head),
            bumps: commits
                .iter()
                .flat_map(|commit| history::bumps(&commit.message))
                .collect(),
            foreign_commit,
        })
    }

    /// A field that the branch bumps and about which nothing is known now: its absence from the plan must not remove it from
    /// the branch. A field that no workload automates any more is known to be gone, if every file could be read.
    pub(super) fn unknown_field(&self, declared: &DeclaredState, plan: &BumpPlan) -> Option<&FieldId> {
        let incomplete = declared.findings.iter().any(Finding::is_error);
        self.bumps.iter().map(|bump| &bump.field).find(|field| {
            match plan.decisions.iter().find(|decision| decision.field == **field) {
                Some(decision) => decision.outcome == Outcome::Unknown,
                None => incomplete,
            }
        })
    }
}
