use crate::driver::{Condition, Outcome, Pass, Shutdown};
use crate::model::CommitId;
use crate::notice::{RepoEvent, Reporter, Topic};
use crate::port::{Branch, ConfigRepo};
use std::sync::Arc;
use std::time::Duration;

/// The loop that follows the branch: it fetches, moves the [`Branch`], and wakes the other loops when the head moved.
pub struct Follower<G, F> {
    repo: Arc<G>,
    branch: Branch,
    condition: Condition,
    reporter: Reporter,
    moved: F,
}

impl<G: ConfigRepo, F: Fn() + Send> Follower<G, F> {
    /// Follows `branch` of `repo` and calls `moved` whenever its head moved.
    pub fn new(repo: Arc<G>, branch: Branch, condition: Condition, reporter: Reporter, moved: F) -> Self {
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
                if moved && let Some(commit) = self.branch.head() {
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
pub async fn watch_verification(branch: Branch, reporter: Reporter, changed: impl Fn(), shutdown: Shutdown) {
    let mut changes = branch.verification();
    loop {
        let problem = changes.borrow_and_update().clone();
        let event = problem.map(|message| RepoEvent::HeadNotVerified {
            message,
            verified: branch.head(),
        });
        reporter.present(Topic::Head, event);
        changed();
        tokio::select! {
            biased;
            () = shutdown.begun() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}
