//! Follows the config repo's branch: asks the server for its tip and tells every loop when it moved.
//!
//! [`Tip`] is set by this loop after a fetch and by the automation loop after its own push landed, so that an own commit
//! is applied without waiting for a fetch. Where signatures are asked for, the known tip is the newest commit that may be
//! applied: what came after it is told, and neither applied nor committed on.

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
    withheld: Arc<watch::Sender<Option<String>>>,
    moving: Arc<Mutex<()>>,
}

impl Tip {
    /// The tip; `None` until the first fetch.
    pub fn known(&self) -> Option<CommitId> {
        *self.known.borrow()
    }

    /// The tip, as soon as there is one.
    pub async fn first(&self) -> CommitId {
        let mut known = self.known.subscribe();
        match known.wait_for(Option::is_some).await.map(|known| *known) {
            Ok(Some(commit)) => commit,
            // `self` keeps the sender, so that it does not end.
            _ => std::future::pending().await,
        }
    }

    /// Tells when what is withheld changes.
    pub fn withholding(&self) -> watch::Receiver<Option<String>> {
        self.withheld.subscribe()
    }

    /// Why the branch's tip on the server is not the known one, if it may not be applied.
    pub fn withheld(&self) -> Option<String> {
        self.withheld.borrow().clone()
    }

    /// Fetches the branch. True if the tip moved.
    ///
    /// # Errors
    /// The repository could not be read; the known tip stays.
    pub async fn fetch(&self, repo: &impl ConfigRepo) -> Result<(CommitId, bool), RepoFailure> {
        let _moving = self.moving.lock().await;
        let commit = repo.fetch().await?;
        let trusted = repo.verified_head(commit).await?;
        self.withheld.send_if_modified(|withheld| {
            let changed = *withheld != trusted.problem;
            withheld.clone_from(&trusted.problem);
            changed
        });
        let moved = match trusted.commit {
            Some(newest) if trusted.problem.is_none() || self.is_ahead(repo, newest).await? => self.set(newest),
            _ => false,
        };
        Ok((commit, moved))
    }

    /// While the tip may not be applied, what was known stays, unless something newer may: a list of signers that got
    /// shorter, or a branch that was put on old feet, does not take the cluster back.
    async fn is_ahead(&self, repo: &impl ConfigRepo, commit: CommitId) -> Result<bool, RepoFailure> {
        match self.known() {
            None => Ok(true),
            Some(known) => repo.is_ancestor(known, commit).await,
        }
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
    withheld: Option<String>,
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
            withheld: None,
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
                self.tell_withheld();
                if moved && let Some(commit) = self.tip.known() {
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

    fn timed_out(&self, deadline: Duration) -> Self::Report {
        Err(format!("the fetch did not end within {} s", deadline.as_secs()))
    }
}

impl<G, F> Follower<G, F> {
    /// A tip that may not be applied is told once, and that it may again, too.
    fn tell_withheld(&mut self) {
        let now = self.tip.withheld();
        if now != self.withheld {
            match &now {
                Some(problem) => {
                    tracing::warn!(%problem, known = ?self.tip.known().map(|known| known.to_string()), "the tip is not verified")
                }
                None => tracing::info!("the tip is verified again"),
            }
            self.withheld = now;
        }
    }

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
