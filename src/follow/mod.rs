//! Follows the config repo's branch: asks the server for its tip and tells every loop when it moved.
//!
//! [`Tip`] is set by this loop after a fetch and by the automation loop after its own push landed, so that an own commit
//! is applied without waiting for a fetch. Where signatures are asked for, the known tip is the newest commit that may be
//! applied: what came after it is told, and neither applied nor committed on.

use crate::driver::{Condition, Outcome, Pass, Shutdown};
use crate::model::CommitId;
use crate::notice::{RepoEvent, Reporter, Topic};
use crate::port::{ConfigRepo, NewCommit, PushOutcome, RepoFailure};
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

/// The loop that follows the branch: it fetches, moves the [`Tip`], and wakes the other loops when the head moved.
pub struct Follower<G, F> {
    repo: Arc<G>,
    branch: Tip,
    condition: Condition,
    reporter: Reporter,
    moved: F,
}

impl<G: ConfigRepo, F: Fn() + Send> Follower<G, F> {
    /// Follows `branch` of `repo` and calls `moved` whenever its head moved.
    pub fn new(repo: Arc<G>, branch: Tip, condition: Condition, reporter: Reporter, moved: F) -> Self {
        Self {
            repo,
            branch,
            condition,
            reporter,
            moved,
        }
    }
}

impl<G: ConfigRepo, F: Fn() + Send + 'static> Pass for Follower<G, F> {
    type Report = Result<CommitId, String>;

    async fn pass(&mut self) -> Outcome<Self::Report> {
        match self.branch.fetch(&*self.repo).await {
            Ok((commit, moved)) => {
                self.condition.met();
                self.reporter.present(Topic::Fetch, None::<RepoEvent>);
                if moved && let Some(commit) = self.branch.known() {
                    self.reporter.happened(RepoEvent::HeadMoved { commit });
                    (self.moved)();
                }
                Outcome::Done(Ok(commit))
            }
            Err(failure) => {
                self.condition.unmet(failure.message.clone());
                let event = RepoEvent::FetchFailed {
                    problem: failure.problem,
                    message: failure.message.clone(),
                };
                self.reporter.present(Topic::Fetch, [event]);
                Outcome::Retry(Err(failure.message))
            }
        }
    }

    fn timed_out(&self, deadline: Duration) -> Self::Report {
        Err(format!("the fetch did not end within {} s", deadline.as_secs()))
    }
}

/// Reports while the branch's head on the server is not verified, and calls `changed` at each change. Runs until the drain.
pub async fn watch_verification(branch: Tip, reporter: Reporter, changed: impl Fn(), shutdown: Shutdown) {
    let mut changes = branch.withholding();
    loop {
        let problem = changes.borrow_and_update().clone();
        let event = problem.map(|message| RepoEvent::HeadNotVerified {
            message,
            verified: branch.known(),
        });
        reporter.present(Topic::Head, event);
        changed();
        tokio::select! {
            () = shutdown.begun() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}
