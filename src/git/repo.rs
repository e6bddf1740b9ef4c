use super::error::Error;
use super::identity::DeployKey;
use super::mirror::{Mirror, Role, State};
use super::settings::Settings;
use super::trust::Trust;
use super::wire::Wire;
use super::{history, push, transport, tree};
use crate::model::{BlobId, CommitId, RepoPath};
use crate::port::{ConfigRepo, HistoryCommit, NewCommit, PushOutcome, RepoFailure, TreeFile, Trusted};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{mpsc, oneshot};

/// The config repo over SSH, with a bare mirror on disk. Cheap to clone; all clones share one mirror and connection.
///
/// Two threads own a handle of the mirror each: one talks to the server, the other only reads the disk, so that a
/// server that hangs keeps nobody from reading what was fetched.
#[derive(Clone)]
pub struct Repo {
    remote: mpsc::Sender<Job>,
    reader: mpsc::Sender<Job>,
    wire: Arc<Wire>,
}

/// What was done on the wire since the repository was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// SSH connections made.
    pub connections: u64,
    /// Commands run on them.
    pub channels: u64,
    /// Bytes of git's protocol sent.
    pub sent: u64,
    /// Bytes of git's protocol received.
    pub received: u64,
}

type Job = Box<dyn FnOnce(&mut Mirror) + Send>;

/// Loops ask one thing at a time; more than this many waiting callers wait at the door.
const QUEUE: usize = 32;

impl Repo {
    /// Starts the two threads; does not use the network. To be called on an async runtime.
    ///
    /// # Errors
    /// No runtime, no threads.
    pub fn open(settings: Settings) -> Result<Self, RepoFailure> {
        Self::open_trusting(settings, Trust::default())
    }

    /// The same with signatures made or asked for.
    ///
    /// # Errors
    /// No runtime, no threads.
    pub fn open_trusting(settings: Settings, trust: Trust) -> Result<Self, RepoFailure> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| Error::NoRuntime)?;
        transport::register()?;
        let wire = Wire::new(&settings);
        let state = Arc::new(State::read(&settings.mirror_dir));
        let (settings, wire, trust) = (Arc::new(settings), Arc::new(wire), Arc::new(trust));
        let worker = |name: &str, role: Role| {
            let (settings, wire, state) = (Arc::clone(&settings), Arc::clone(&wire), Arc::clone(&state));
            let trust = Arc::clone(&trust);
            let mirror_dir = settings.mirror_dir.clone();
            let mut mirror = Mirror::new(settings, wire, runtime.clone(), trust, role, state);
            let (sender, mut jobs) = mpsc::channel::<Job>(QUEUE);
            let work = move || {
                while let Some(job) = jobs.blocking_recv() {
                    job(&mut mirror);
                }
            };
            let started = std::thread::Builder::new().name(name.to_owned()).spawn(work);
            started.map_err(|source| Error::Mirror {
                path: mirror_dir,
                source,
            })?;
            Ok::<_, Error>(sender)
        };
        Ok(Self {
            remote: worker("git-remote", Role::Writer)?,
            reader: worker("git-reader", Role::Reader)?,
            wire: Arc::clone(&wire),
        })
    }

    /// From the next operation on this key is logged in with; where it is refused and `next` is taken, that one from then
    /// on. Signatures with the deploy key are made with the one that is logged in with.
    pub fn use_keys(&self, key: Arc<DeployKey>, next: Option<Arc<DeployKey>>) {
        self.wire.use_keys(key, next);
    }

    /// Returns when the server has not taken our key since the last call.
    pub async fn key_refused(&self) {
        self.wire.ssh.key_refused.notified().await;
    }

    /// What was done on the wire so far.
    pub fn counters(&self) -> Counters {
        let counts = &self.wire.counts;
        Counters {
            connections: counts.connections.load(Ordering::Relaxed),
            channels: counts.channels.load(Ordering::Relaxed),
            sent: counts.sent.load(Ordering::Relaxed),
            received: counts.received.load(Ordering::Relaxed),
        }
    }

    /// Ends what is under way with the server, because the agent stops: a fetch at once, a push if it is not through within a
    /// second. What is asked of the server afterwards fails; what was fetched can still be read.
    pub fn stop(&self) {
        self.wire.stop();
    }

    async fn ask<T: Send + 'static>(
        worker: &mpsc::Sender<Job>,
        work: impl FnOnce(&mut Mirror) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, RepoFailure> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |mirror| {
            if !answer.is_closed() {
                let _ = answer.send(work(mirror));
            }
        });
        worker.send(job).await.map_err(|_| Error::Ended)?;
        Ok(answered.await.map_err(|_| Error::Ended)??)
    }
}

impl ConfigRepo for Repo {
    async fn fetch(&self) -> Result<CommitId, RepoFailure> {
        Self::ask(&self.remote, Mirror::fetch).await
    }

    async fn files(&self, commit: CommitId, paths: Vec<RepoPath>) -> Result<Vec<TreeFile>, RepoFailure> {
        let url = self.wire.url.clone();
        Self::ask(&self.reader, move |mirror| {
            mirror.with(|repo| {
                let tree = history::commit(repo, &url, commit)?.tree_id();
                tree::files(repo, tree, &paths).map_err(|source| Error::Git {
                    doing: "read the commit's files",
                    source,
                })
            })
        })
        .await
    }

    async fn blobs(&self, ids: Vec<BlobId>, limit: usize) -> Result<Vec<Option<Vec<u8>>>, RepoFailure> {
        Self::ask(&self.reader, move |mirror| {
            mirror.with(|repo| history::blobs(repo, &ids, limit))
        })
        .await
    }

    async fn history(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> Result<Vec<HistoryCommit>, RepoFailure> {
        let url = self.wire.url.clone();
        Self::ask(&self.reader, move |mirror| {
            mirror.with(|repo| history::history(repo, &url, tip, until, limit))
        })
        .await
    }

    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, RepoFailure> {
        let url = self.wire.url.clone();
        Self::ask(&self.reader, move |mirror| {
            mirror.with(|repo| history::is_ancestor(repo, &url, ancestor, descendant))
        })
        .await
    }

    async fn trusted(&self, tip: CommitId) -> Result<Trusted, RepoFailure> {
        let url = self.wire.url.clone();
        Self::ask(&self.reader, move |mirror| {
            let trust = Arc::clone(&mirror.trust);
            mirror.with(|repo| trust.judge(repo, &url, tip))
        })
        .await
    }

    async fn commit_and_push(&self, commits: Vec<NewCommit>) -> Result<PushOutcome, RepoFailure> {
        Self::ask(&self.remote, move |mirror| push::commit_and_push(mirror, &commits)).await
    }
}
