//! The commits of the proposal branch, and whether the agent made all of them.

use super::edits;
use crate::history::{self, Bump};
use crate::manifest::{MAX_FILE_BYTES, TagChange};
use crate::model::{CommitId, FieldId, Finding, ImageRef};
use crate::plan::{BumpPlan, Outcome};
use crate::port::{ConfigRepo, DeclaredState, HistoryCommit, RepoFailure};
use std::collections::BTreeSet;

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

/// Whether a commit holds our work and nothing else: its bytes are exactly what its trailers do to its parent, or it is a
/// merge in which no file differs from all parents. The committer does not matter: forges rewrite commits.
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
            name: bump.new_image.as_deref().and_then(|name| ImageRef::parse(name).ok()),
            tag: bump.new.clone(),
            digest: bump.digest.clone().filter(|_| bump.pinned),
        });
        if edits::write(&change.path, &before, changes.collect()).0 != Some(after) {
            return Ok(false);
        }
    }
    Ok(!bumps.is_empty() && !commit.changes.is_empty())
}
