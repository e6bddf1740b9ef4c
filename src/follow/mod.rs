//! Follows the config repo's branch: asks the server for its tip and tells every loop when it moved.
//!
//! The tip is a `watch` value that this loop sets after a fetch and the automation loop after its own push landed, so that
//! an own commit is applied without waiting for a fetch.

use crate::driver::{Condition, Outcome, Pass};
use crate::model::CommitId;
use crate::port::{ConfigRepo, RepoFailure};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The tip as far as we know it; `None` until the first fetch.
pub type Tip = watch::Sender<Option<CommitId>>;

/// Sets the tip, waking those who watch it only if it moved. True if it moved.
pub fn set(tip: &Tip, commit: CommitId) -> bool {
    tip.send_if_modified(|known| known.replace(commit) != Some(commit))
}

/// The loop's work.
pub struct Follower<G, F> {
    repo: Arc<G>,
    tip: Tip,
    moved: F,
    condition: Condition,
    failing: bool,
}

impl<G: ConfigRepo, F: Fn() + Send> Follower<G, F> {
    /// Follows `repo`, calling `moved` each time the tip did.
    pub fn new(repo: Arc<G>, tip: Tip, condition: Condition, moved: F) -> Self {
        Self { repo, tip, moved, condition, failing: false }
    }
}

impl<G: ConfigRepo, F: Fn() + Send + 'static> Pass for Follower<G, F> {
    type Report = Result<CommitId, String>;

    async fn pass(&mut self) -> Outcome<Self::Report> {
        match self.repo.fetch().await {
            Ok(commit) => {
                self.condition.met();
                if std::mem::take(&mut self.failing) {
                    tracing::info!("the config repo answers again");
                }
                if set(&self.tip, commit) {
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
    /// An outage is told once, not at each try.
    fn tell(&mut self, failure: &RepoFailure) {
        self.condition.unmet(failure.message.clone());
        if std::mem::replace(&mut self.failing, true) {
            tracing::debug!(problem = ?failure.problem, error = %failure, "fetch failed again");
        } else {
            tracing::warn!(problem = ?failure.problem, error = %failure, "fetch failed");
        }
    }
}
