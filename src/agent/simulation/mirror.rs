//! The config repo as one process of the agent has it: a mirror of what was fetched.

use super::git_server::{Commit, diff};
use super::link::{Link, NoAnswer};
use super::world::{Sabotage, State};
use crate::model::{BlobId, BranchName, CommitId, RepoPath};
use crate::port::{
    ConfigRepo, FileChange, HistoryCommit, NewCommit, ProposalBranches, PushOutcome, RepoFailure, RepoProblem,
    TreeFile, TreeListing,
};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The mirror.
pub(super) struct Mirror {
    link: Link,
    known: Mutex<BTreeSet<CommitId>>,
    /// The head of the branch when the process began.
    born_at: CommitId,
}

/// What the server says to a push.
enum Verdict {
    Accepted,
    Moved,
    Refused,
}

fn failure(problem: RepoProblem, message: &str) -> RepoFailure {
    RepoFailure {
        problem,
        message: message.to_owned(),
    }
}

fn unreachable() -> RepoFailure {
    failure(RepoProblem::Unreachable, "the git server did not answer in time")
}

impl Mirror {
    pub(super) fn new(link: Link) -> Self {
        let born_at = link.world.lock().git.head();
        Self {
            link,
            known: Mutex::default(),
            born_at,
        }
    }

    /// Reads the mirror's own disk.
    async fn read<T>(&self, needs: &[CommitId], read: impl FnOnce(&mut State) -> T) -> Result<T, RepoFailure> {
        if self.link.local_work().await {
            return Err(failure(RepoProblem::Other, "the disk of the mirror is slow"));
        }
        let has_all = {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            needs.iter().all(|commit| known.contains(commit))
        };
        if !has_all {
            return Err(failure(RepoProblem::Other, "the mirror does not have the commit"));
        }
        Ok(read(&mut self.link.world.lock()))
    }

    fn note_fetched(&self, head: CommitId) {
        let mut state = self.link.world.lock();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let line = state.git.line(Some(head)).map(|(id, _)| id);
        let new: Vec<CommitId> = line.take_while(|id| !known.contains(id)).collect();
        known.extend(new);
        state.given(self.link.who, head);
    }

    /// Asks where the branch is, and says what became of a push.
    async fn settle(&self, new: CommitId) -> Result<PushOutcome, RepoFailure> {
        let asked = self.link.request("ls-remote", move |state| {
            let head = state.git.head();
            (head, state.git.is_ancestor(new, head))
        });
        let (head, is_there) = asked.await.map_err(|NoAnswer| unreachable())?;
        if !is_there {
            return Ok(PushOutcome::Lost);
        }
        if head == new {
            self.note_fetched(new);
        }
        Ok(PushOutcome::Landed(new))
    }

    fn history_of(
        &self,
        state: &State,
        tip: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> Vec<(CommitId, HistoryCommit)> {
        let oldest = (state.sabotage == Some(Sabotage::ForgottenHistory)).then_some(self.born_at);
        let left_out = |id: CommitId| until.is_some_and(|until| state.git.is_ancestor(id, until));
        let mut commits = Vec::new();
        for (id, commit) in state.git.line(Some(tip)) {
            if left_out(id) || commits.len() == limit {
                break;
            }
            commits.push((id, read_commit(state, id, commit)));
            if Some(id) == oldest {
                break;
            }
        }
        commits
    }
}

fn read_commit(state: &State, id: CommitId, commit: &Commit) -> HistoryCommit {
    HistoryCommit {
        id,
        parents: commit.parent.into_iter().collect(),
        author: commit.author.to_owned(),
        committed_at: commit.time,
        message: carried_on(state, &commit.message),
        changes: commit.changes.clone(),
        merged: Vec::new(),
    }
}

/// The message of a commit. Under sabotage a confirmation names what waits now.
fn carried_on(state: &State, message: &str) -> String {
    let waits = state
        .cluster
        .record
        .as_ref()
        .and_then(|record| record.waited.commits.last());
    match (state.sabotage, waits, message.rsplit_once(' ')) {
        (Some(Sabotage::CarriedConsent), Some((_, key)), Some((rest, _))) if rest.contains("Tidegate-Confirm: ") => {
            format!("{rest} {key}\n")
        }
        _ => message.to_owned(),
    }
}

impl ConfigRepo for Mirror {
    async fn fetch(&self) -> Result<CommitId, RepoFailure> {
        let who = self.link.who;
        let fetched = self.link.request("fetch", move |state| {
            let head = state.git.head();
            state.note(who, "fetch", format_args!("{}", head.short()));
            head
        });
        let head = fetched.await.map_err(|NoAnswer| unreachable())?;
        self.note_fetched(head);
        Ok(head)
    }

    async fn files(&self, commit: CommitId, _: Vec<RepoPath>) -> Result<TreeListing, RepoFailure> {
        self.read(&[commit], |state| {
            let is_partial = state.sabotage == Some(Sabotage::PartialTree) && state.random.chance(300);
            let tree = state.git.at(commit).tree.clone();
            let left_out = state.random.below(tree.len() as u64) as usize;
            let files = tree.into_iter().enumerate();
            let files = files.filter(|(index, _)| !(is_partial && *index == left_out));
            TreeListing {
                files: files.map(|(_, (path, blob))| TreeFile { path, blob }).collect(),
                unread: Vec::new(),
            }
        })
        .await
    }

    async fn changes(&self, from: CommitId, to: CommitId) -> Result<Option<Vec<FileChange>>, RepoFailure> {
        self.read(&[from, to], |state| {
            let is_known = !state.random.chance(200) && state.sabotage != Some(Sabotage::PartialTree);
            is_known.then(|| diff(Some(&state.git.at(from).tree), &state.git.at(to).tree))
        })
        .await
    }

    async fn blobs(&self, ids: Vec<BlobId>, _: usize) -> Result<Vec<Option<Vec<u8>>>, RepoFailure> {
        self.read(&[], |state| ids.iter().map(|id| state.git.bytes(id).cloned()).collect())
            .await
    }

    async fn history(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> Result<Vec<HistoryCommit>, RepoFailure> {
        let commits = self
            .read(&[tip], |state| self.history_of(state, tip, until, limit))
            .await?;
        Ok(commits.into_iter().map(|(_, commit)| commit).collect())
    }

    async fn history_ids(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> Result<Vec<CommitId>, RepoFailure> {
        let commits = self
            .read(&[tip], |state| self.history_of(state, tip, until, limit))
            .await?;
        Ok(commits.into_iter().map(|(id, _)| id).collect())
    }

    async fn commits(&self, ids: Vec<CommitId>) -> Result<Vec<HistoryCommit>, RepoFailure> {
        self.read(&ids, |state| {
            let commits = ids.iter().map(|id| read_commit(state, *id, state.git.at(*id)));
            commits.collect()
        })
        .await
    }

    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, RepoFailure> {
        self.read(&[descendant], |state| state.git.is_ancestor(ancestor, descendant))
            .await
    }

    async fn commit_and_push(&self, plans: Vec<NewCommit>) -> Result<PushOutcome, RepoFailure> {
        let who = self.link.who;
        let made = self.read(&[], |state| state.git.make(&plans)).await?;
        let Some(made) = made else {
            return Err(failure(
                RepoProblem::Other,
                "an edit starts from bytes that are not there",
            ));
        };
        let (parent, new) = (plans[0].parent, *made.last().expect("a push has a commit"));
        let push = self.link.request("push", move |state| {
            let verdict = if state.fails(20) {
                Verdict::Refused
            } else if state.git.head() == parent {
                state.judge_push(parent, &made);
                state.git.set_head(new);
                Verdict::Accepted
            } else if state.sabotage == Some(Sabotage::PushWithoutCompare) {
                let (head, plan) = (state.git.head(), plans[0].clone());
                let mut tree = state.git.at(head).tree.clone();
                for edit in &plan.edits {
                    let blob = state.git.blob(edit.bytes.clone());
                    tree.insert(edit.path.clone(), blob);
                }
                let author = super::git_server::AGENT;
                let added = state.git.add(Some(head), author, plan.message.clone(), plan.time, tree);
                state.judge_push(head, &[added]);
                state.git.set_head(added);
                Verdict::Accepted
            } else {
                Verdict::Moved
            };
            let words = match verdict {
                Verdict::Accepted => "accepted",
                Verdict::Moved => "the branch has moved",
                Verdict::Refused => "refused",
            };
            state.note(who, "push", format_args!("{}: {words}", new.short()));
            verdict
        });
        match push.await {
            Ok(Verdict::Accepted) => {
                self.note_fetched(new);
                Ok(PushOutcome::Landed(new))
            }
            Ok(Verdict::Refused) => Ok(PushOutcome::Refused("a hook declined".to_owned())),
            Ok(Verdict::Moved) | Err(NoAnswer) => self.settle(new).await,
        }
    }
}

impl ProposalBranches for Mirror {
    async fn branch_head(&self, _: BranchName, _: CommitId) -> Result<Option<CommitId>, RepoFailure> {
        Err(failure(RepoProblem::NoBranch, "nobody proposes"))
    }

    async fn replace_branch(
        &self,
        _: BranchName,
        _: Option<CommitId>,
        _: Vec<NewCommit>,
    ) -> Result<PushOutcome, RepoFailure> {
        Err(failure(RepoProblem::NoBranch, "nobody proposes"))
    }

    async fn remove_branch(&self, _: BranchName, _: CommitId) -> Result<PushOutcome, RepoFailure> {
        Err(failure(RepoProblem::NoBranch, "nobody proposes"))
    }
}
