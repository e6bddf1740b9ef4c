use super::reader::Reader;
use crate::driver::Shutdown;
use crate::model::CommitId;
use crate::port::{Branch, ConfigRepo, DeclaredSource, DeclaredState, RepoFailure, RepoProblem};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;

/// Requests that wait at most. Each loop has one request in flight, and there are far fewer loops.
const WAITING: usize = 256;
/// The longest reading of a commit. Fifty thousand files take well below a minute; the loops' passes end later than this.
const DEADLINE: Duration = Duration::from_secs(240);

/// The pause before a head is read again of which something was not rendered that may be rendered then: a program was killed, or
/// time ran out.
const RETRY: Duration = Duration::from_secs(60);

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
    changed: Box<dyn Fn() + Send>,
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
        changed: Box::new(|| {}),
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
    /// Has `changed` called when the head declares something else than was published, although the head did not move.
    #[must_use]
    pub fn on_change(self, changed: impl Fn() + Send + 'static) -> Self {
        Self {
            changed: Box::new(changed),
            ..self
        }
    }

    /// Serves until the drain begins. A failed reading is reported to those who asked; the loops ask again. Requests come first:
    /// each loop waits with one request at most, so that they do not keep a head from being read.
    pub async fn run(mut self, shutdown: Shutdown) {
        let mut inputs = self.reader.changes();
        let mut heads = self.branch.heads();
        heads.mark_changed();
        let mut retry = tokio::time::interval(RETRY);
        retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        retry.reset();
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
                    retry.reset();
                }
                () = changed(&mut inputs) => {
                    self.reader.inputs_changed();
                    self.read_head_again().await;
                }
                _ = retry.tick() => self.try_again().await,
            }
        }
    }

    /// Reads the head again if a rendering failed that may succeed now.
    async fn try_again(&mut self) {
        if self.reader.try_again() {
            self.read_head_again().await;
        }
    }

    async fn read_head_again(&mut self) {
        let Some(head) = self.branch.head() else {
            return;
        };
        let before = self.published.borrow().clone();
        match self.read(head).await {
            Ok(state) if before.is_none_or(|before| !before.is_as(&state)) => (self.changed)(),
            Ok(_) => {}
            Err(failure) => tracing::debug!(commit = %head, error = %failure, "the head was not read again"),
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
                if published.as_ref().is_some_and(|published| published.is_as(&state)) {
                    return false;
                }
                *published = Some(Arc::clone(&state));
                true
            });
        }
        Ok(state)
    }
}

/// Waits until something that is followed changes; forever, if nothing is followed.
async fn changed(inputs: &mut Option<watch::Receiver<u64>>) {
    let followed = match inputs {
        Some(inputs) => inputs.changed().await.is_ok(),
        None => false,
    };
    if !followed {
        std::future::pending::<()>().await;
    }
}

fn ended(commit: CommitId) -> RepoFailure {
    RepoFailure {
        problem: RepoProblem::Other,
        message: format!("commit {commit} was not read: the agent is stopping"),
    }
}
