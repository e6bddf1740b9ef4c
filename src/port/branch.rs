//! The followed branch, as the loops see it.
//!
//! The branch is below the loops since all of them use it: `source` fetches it, `automation` pushes to it, `sync` applies its
//! head.

use super::repo::{ConfigRepo, NewCommit, PushOutcome, RepoFailure};
use crate::model::CommitId;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// The newest commit of the followed branch that may be applied. Clones share it.
///
/// A fetch moves the head. A push that lands moves the head too, so that the agent's own commit is applied without another
/// fetch. If signatures are checked, the head is the newest verified commit. The agent reports a later commit, does not apply
/// it and does not commit on it.
///
/// The answer to an older request never replaces a newer head, and no caller waits for the request of another caller: an
/// answer is taken only if the head has not moved since the request was sent. Otherwise the request is sent again.
#[derive(Debug, Clone, Default)]
pub struct Branch {
    head: Arc<watch::Sender<Option<CommitId>>>,
    unverified: Arc<watch::Sender<Option<String>>>,
    /// How often the head moved. The mutex is held for the comparison and the move, and never during a request.
    moves: Arc<Mutex<u64>>,
}

/// The most requests of one fetch whose answers are overtaken. Each time the head did move, so another caller makes progress.
const MAX_REQUESTS: usize = 4;

impl Branch {
    /// The head; `None` until the first fetch.
    pub fn head(&self) -> Option<CommitId> {
        *self.head.borrow()
    }

    /// Waits for the first head. Returns the head at once if there is one.
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

    /// Follows the value of [`Branch::unverified`].
    pub fn verification(&self) -> watch::Receiver<Option<String>> {
        self.unverified.subscribe()
    }

    /// Fetches the branch. Returns the tip on the server, and whether the head moved.
    ///
    /// # Errors
    /// The repository could not be read; the head stays.
    pub async fn fetch(&self, repo: &impl ConfigRepo) -> Result<(CommitId, bool), RepoFailure> {
        let mut requests = 1;
        loop {
            let (moves, head) = self.now();
            let tip = repo.fetch().await?;
            let verified = repo.verified_head(tip).await?;
            // While the tip is unverified, the head moves forward only: a shorter list of signers or a reset of the branch
            // does not roll the cluster back.
            let newest = match (verified.commit, head) {
                (Some(newest), Some(head)) if verified.problem.is_some() => {
                    repo.is_ancestor(head, newest).await?.then_some(newest)
                }
                (newest, _) => newest,
            };
            match self.accept(moves, newest, verified.problem) {
                Some(moved) => return Ok((tip, moved)),
                None if requests == MAX_REQUESTS => return Ok((tip, false)),
                None => requests += 1,
            }
        }
    }

    /// Commits and pushes. A commit that lands becomes the head.
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
            // A fetch moved the head during the push. If the head has the landed commit in its history, the head is newer.
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

    /// Takes the answer of a fetch. Returns whether the head moved, or `None` if the head moved to another commit since the
    /// request was sent.
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

    /// Makes a landed commit the head. False if the head moved to another commit since the push began.
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
