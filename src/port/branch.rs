//! The followed branch, as the loops see it.
//!
//! The branch stands here, below the loops: `source` fetches it, `automation` pushes to it, `sync` applies its head.

use super::repo::{ConfigRepo, NewCommit, PushOutcome, RepoFailure};
use crate::model::CommitId;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The newest commit of the followed branch that may be applied. Clones share it.
///
/// A fetch moves the head, and so does a push that landed, so that an own commit is applied without another fetch. Where
/// signatures are asked for, the head is the newest commit that is verified: a later commit is reported, and it is neither
/// applied nor committed on.
///
/// The answer to an older question never replaces a newer head, and nobody waits for somebody else's request: an answer is
/// taken only if the head has not moved since the question was asked. Otherwise the question is asked again.
#[derive(Debug, Clone, Default)]
pub struct Branch {
    head: Arc<watch::Sender<Option<CommitId>>>,
    unverified: Arc<watch::Sender<Option<String>>>,
    /// How often the head moved. The mutex spans the comparison and the move, and no request.
    moves: Arc<Mutex<u64>>,
}

/// Questions in a row whose answers another answer overtakes. Each time the head did move, so somebody makes progress.
const QUESTIONS: usize = 4;

impl Branch {
    /// The head; `None` until the first fetch.
    pub fn head(&self) -> Option<CommitId> {
        *self.head.borrow()
    }

    /// The head, as soon as there is one.
    pub async fn first_head(&self) -> CommitId {
        let mut head = self.head.subscribe();
        match head.wait_for(Option::is_some).await.map(|head| *head) {
            Ok(Some(commit)) => commit,
            // `self` keeps the sender, so that the channel does not close.
            _ => std::future::pending().await,
        }
    }

    /// Follows the head.
    pub fn heads(&self) -> watch::Receiver<Option<CommitId>> {
        self.head.subscribe()
    }

    /// Why the branch's tip on the server is not the head, if the tip may not be applied.
    pub fn unverified(&self) -> Option<String> {
        self.unverified.borrow().clone()
    }

    /// Follows what [`Branch::unverified`] says.
    pub fn verification(&self) -> watch::Receiver<Option<String>> {
        self.unverified.subscribe()
    }

    /// Fetches the branch. Returns the tip on the server, and whether the head moved.
    ///
    /// # Errors
    /// The repository could not be read; the head stays.
    pub async fn fetch(&self, repo: &impl ConfigRepo) -> Result<(CommitId, bool), RepoFailure> {
        let mut question = 1;
        loop {
            let (moves, head) = self.now();
            let tip = repo.fetch().await?;
            let verified = repo.verified_head(tip).await?;
            // While the tip is unverified, the head moves forward only: a shorter list of signers, or a branch that was
            // reset, does not take the cluster back.
            let newest = match (verified.commit, head) {
                (Some(newest), Some(head)) if verified.problem.is_some() => {
                    repo.is_ancestor(head, newest).await?.then_some(newest)
                }
                (newest, _) => newest,
            };
            match self.accept(moves, newest, verified.problem) {
                Some(moved) => return Ok((tip, moved)),
                None if question == QUESTIONS => return Ok((tip, false)),
                None => question += 1,
            }
        }
    }

    /// Commits and pushes. A commit that lands is the head from then on.
    ///
    /// # Errors
    /// As [`ConfigRepo::commit_and_push`].
    pub async fn push(&self, repo: &impl ConfigRepo, commits: Vec<NewCommit>) -> Result<PushOutcome, RepoFailure> {
        let (mut moves, _) = self.now();
        let outcome = repo.commit_and_push(commits).await?;
        let PushOutcome::Landed(landed) = outcome else {
            return Ok(outcome);
        };
        while !self.land(moves, landed) {
            let head;
            (moves, head) = self.now();
            // A fetch moved the head during the push. Where the head holds the commit already, the head is newer.
            match head {
                Some(head) if repo.is_ancestor(landed, head).await.unwrap_or_default() => break,
                _ => {}
            }
        }
        Ok(outcome)
    }

    fn now(&self) -> (u64, Option<CommitId>) {
        let moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
        (*moves, self.head())
    }

    /// Takes the answer of a fetch; whether the head moved. `None` if another answer came first and says something else.
    fn accept(&self, since: u64, newest: Option<CommitId>, problem: Option<String>) -> Option<bool> {
        let mut moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
        if *moves != since && newest != self.head() {
            return None;
        }
        self.unverified.send_if_modified(|unverified| {
            let changed = *unverified != problem;
            *unverified = problem;
            changed
        });
        Some(newest.is_some_and(|newest| self.set(&mut moves, newest)))
    }

    /// Takes a commit that landed; false if the head moved in the meantime.
    fn land(&self, since: u64, landed: CommitId) -> bool {
        let mut moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = *moves == since || self.head() == Some(landed);
        if is_current {
            self.set(&mut moves, landed);
        }
        is_current
    }

    fn set(&self, moves: &mut u64, commit: CommitId) -> bool {
        let moved = self.head.send_if_modified(|head| head.replace(commit) != Some(commit));
        *moves += u64::from(moved);
        moved
    }
}
