use super::reader::Reader;
use crate::driver::Shutdown;
use crate::model::CommitId;
use crate::port::{Branch, ConfigRepo, DeclaredSource, DeclaredState, RepoFailure, RepoProblem};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Requests that wait at most. Each loop has one request in flight, and there are far fewer loops.
const WAITING: usize = 256;
/// The longest reading of a commit. Fifty thousand files take well below a minute; the loops' passes end later than this.
const DEADLINE: Duration = Duration::from_secs(240);

struct Request {
    commit: CommitId,
    answer: oneshot::Sender<Result<Arc<DeclaredState>, RepoFailure>>,
}

/// What loops ask for declared states. Clones share one [`Publisher`].
#[derive(Debug, Clone)]
pub struct Source {
    published: watch::Receiver<Option<Arc<DeclaredState>>>,
    requests: mpsc::Sender<Request>,
}

/// The task that owns the [`Reader`]: it reads each head of the branch, and other commits on request, one after another.
pub struct Publisher<G> {
    reader: Reader,
    repo: Arc<G>,
    branch: Branch,
    published: watch::Sender<Option<Arc<DeclaredState>>>,
    requests: mpsc::Receiver<Request>,
}

/// A source, and the task that serves it.
pub fn publisher<G: ConfigRepo>(reader: Reader, repo: Arc<G>, branch: Branch) -> (Source, Publisher<G>) {
    let (published, seen) = watch::channel(None);
    let (sender, requests) = mpsc::channel(WAITING);
    let publisher = Publisher {
        reader,
        repo,
        branch,
        published,
        requests,
    };
    let source = Source {
        published: seen,
        requests: sender,
    };
    (source, publisher)
}

impl DeclaredSource for Source {
    fn published(&self) -> watch::Receiver<Option<Arc<DeclaredState>>> {
        self.published.clone()
    }

    fn at(&self, commit: CommitId) -> BoxFuture<'_, Result<Arc<DeclaredState>, RepoFailure>> {
        async move {
            if let Some(state) = self.published.borrow().as_ref().filter(|state| state.commit == commit) {
                return Ok(Arc::clone(state));
            }
            let (answer, answered) = oneshot::channel();
            let sent = self.requests.send(Request { commit, answer }).await;
            match sent {
                Ok(()) => answered.await.unwrap_or_else(|_| Err(ended(commit))),
                Err(_) => Err(ended(commit)),
            }
        }
        .boxed()
    }
}

impl<G: ConfigRepo> Publisher<G> {
    /// Serves until the drain begins. A failed reading is reported to those who asked; the loops ask again. Requests come first:
    /// each loop waits with one request at most, so that they do not keep a head from being read.
    pub async fn run(mut self, shutdown: Shutdown) {
        let mut heads = self.branch.heads();
        heads.mark_changed();
        loop {
            tokio::select! {
                biased;
                () = shutdown.begun() => return,
                Some(request) = self.requests.recv() => {
                    let state = self.read(request.commit).await;
                    // Whoever asked may have ended at its deadline; the reading is kept.
                    let _ = request.answer.send(state);
                }
                Ok(()) = heads.changed() => {
                    let head = *heads.borrow_and_update();
                    if let Some(commit) = head
                        && let Err(failure) = self.read(commit).await
                    {
                        tracing::debug!(%commit, error = %failure, "the head was not read");
                    }
                }
            }
        }
    }

    async fn read(&mut self, commit: CommitId) -> Result<Arc<DeclaredState>, RepoFailure> {
        let reading = self.reader.read(&*self.repo, commit);
        let state = tokio::time::timeout(DEADLINE, reading)
            .await
            .map_err(|_| RepoFailure {
                problem: RepoProblem::Other,
                message: format!(
                    "commit {commit} was not read within {} s; is the disk of the mirror slow or full?",
                    DEADLINE.as_secs()
                ),
            })??;
        if self.branch.head() == Some(commit) {
            self.published.send_if_modified(|published| {
                let is_new = published.as_ref().is_none_or(|published| published.commit != commit);
                *published = Some(Arc::clone(&state));
                is_new
            });
        }
        Ok(state)
    }
}

fn ended(commit: CommitId) -> RepoFailure {
    RepoFailure {
        problem: RepoProblem::Other,
        message: format!("commit {commit} was not read: the agent is stopping"),
    }
}
