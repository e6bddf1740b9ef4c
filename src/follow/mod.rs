//! Follows the config repo's branch: asks the server for its tip and tells every loop when it moved.
//!
//! [`Tip`] is set by this loop after a fetch and by the automation loop after its own push landed, so that an own commit
//! is applied without waiting for a fetch.

use crate::driver::{Condition, Outcome, Pass};
use crate::model::CommitId;
use crate::port::{ConfigRepo, NewCommit, PushOutcome, RepoFailure, RepoProblem};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};

/// The branch's tip as far as we know it. It moves under a lock that spans the request and the setting, so that the
/// answer to an older question never overwrites a newer tip.
#[derive(Debug, Clone, Default)]
pub struct Tip {
    known: Arc<watch::Sender<Option<CommitId>>>,
    moving: Arc<Mutex<()>>,
}

impl Tip {
    /// The tip; `None` until the first fetch.
    pub fn known(&self) -> Option<CommitId> {
        *self.known.borrow()
    }

    /// Fetches the branch. True if the tip moved.
    ///
    /// # Errors
    /// The repository could not be read; the known tip stays.
    pub async fn fetch(&self, repo: &impl ConfigRepo) -> Result<(CommitId, bool), RepoFailure> {
        let _moving = self.moving.lock().await;
        let commit = repo.fetch().await?;
        Ok((commit, self.set(commit)))
    }

    /// Commits and pushes; what lands is the tip from then on.
    ///
    /// # Errors
    /// As [`ConfigRepo::commit_and_push`].
    pub async fn push(&self, repo: &impl ConfigRepo, commits: Vec<NewCommit>) -> Result<PushOutcome, RepoFailure> {
        let _moving = self.moving.lock().await;
        let outcome = repo.commit_and_push(commits).await?;
        if let PushOutcome::Landed(commit) = outcome {
            self.set(commit);
        }
        Ok(outcome)
    }

    fn set(&self, commit: CommitId) -> bool {
        self.known
            .send_if_modified(|known| known.replace(commit) != Some(commit))
    }
}

/// The loop's work.
pub struct Follower<G, F> {
    repo: Arc<G>,
    tip: Tip,
    moved: F,
    condition: Condition,
    failing: Option<RepoProblem>,
}

impl<G: ConfigRepo, F: Fn() + Send> Follower<G, F> {
    /// Follows `repo`, calling `moved` each time the tip did.
    pub fn new(repo: Arc<G>, tip: Tip, condition: Condition, moved: F) -> Self {
        Self {
            repo,
            tip,
            moved,
            condition,
            failing: None,
        }
    }
}

impl<G: ConfigRepo, F: Fn() + Send + 'static> Pass for Follower<G, F> {
    type Report = Result<CommitId, String>;

    async fn pass(&mut self) -> Outcome<Self::Report> {
        match self.tip.fetch(&*self.repo).await {
            Ok((commit, moved)) => {
                self.condition.met();
                if self.failing.take().is_some() {
                    tracing::info!("the config repo answers again");
                }
                if moved {
                    tracing::info!(%commit, "the branch's tip");
                    (self.moved)();
                }
                Outcome::Done(Ok(commit))
            }
            Err(failure) => {
                self.tell(&failure);
                Outcome::Retry(Err(failure.message))
            }
        }
    }

    fn late(&self, deadline: Duration) -> Self::Report {
        Err(format!("the fetch did not end within {} s", deadline.as_secs()))
    }
}

impl<G, F> Follower<G, F> {
    /// A problem is told once, not at each try; another problem is told anew.
    fn tell(&mut self, failure: &RepoFailure) {
        self.condition.unmet(failure.message.clone());
        if self.failing.replace(failure.problem) == Some(failure.problem) {
            tracing::debug!(problem = ?failure.problem, error = %failure, "fetch failed again");
        } else {
            tracing::warn!(problem = ?failure.problem, error = %failure, "fetch failed");
        }
    }
}
