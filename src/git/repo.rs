use super::error::Error;
use super::folder::Folder;
use super::identity::DeployKey;
use super::mirror::{Mirror, Role};
use super::settings::{Limits, Settings};
use super::trust::Trust;
use super::wire::{Wire, locked};
use super::{history, push, side, transport, tree};
use crate::model::{BlobId, BranchName, CommitId, RepoPath};
use crate::port::{
    ConfigRepo, FileChange, HistoryCommit, NewCommit, ProposalBranches, PushOutcome, RepoFailure, TreeFile,
    VerifiedHead,
};
use git2::Repository;
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
    folder: Arc<Folder>,
    limits: Limits,
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

/// Trees are as deep as a path is long.
const STACK: usize = 16 << 20;
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
        let folder = Arc::new(Folder::new(&settings.mirror_dir));
        let (settings, wire, trust) = (Arc::new(settings), Arc::new(wire), Arc::new(trust));
        let worker = |name: &str, role: Role| {
            let (settings, wire, folder) = (Arc::clone(&settings), Arc::clone(&wire), Arc::clone(&folder));
            let trust = Arc::clone(&trust);
            let mirror_dir = settings.mirror_dir.clone();
            let mut mirror = Mirror::new(settings, wire, runtime.clone(), trust, role, folder);
            let (sender, mut jobs) = mpsc::channel::<Job>(QUEUE);
            let work = move || {
                while let Some(job) = jobs.blocking_recv() {
                    job(&mut mirror);
                }
            };
            let started = std::thread::Builder::new()
                .name(name.to_owned())
                .stack_size(STACK)
                .spawn(work);
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
            folder: Arc::clone(&folder),
            limits: settings.limits,
        })
    }

    /// From the next operation on this key is logged in with; where it is refused and `next` is taken, that one from then
    /// on. Signatures with the deploy key are made with the one that is logged in with.
    pub fn use_keys(&self, key: Arc<DeployKey>, next: Option<Arc<DeployKey>>) {
        self.wire.use_keys(key, next);
    }

    /// No push is made ready in advance, so that the server is not asked for the right to write; the first push that lands
    /// anyway ends this.
    pub fn only_reads(&self) {
        locked(&self.wire.demand).forbid();
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
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |mirror| {
            if !answer.is_closed() {
                let _ = answer.send(work(mirror));
            }
        });
        worker.send(job).await.map_err(|_| Error::Ended)?;
        answered.await.map_err(|_| Error::Ended)?
    }

    /// Fetches more of the history, or all there is, if not all of it is known; true if there was more.
    async fn deepened(&self, all: bool) -> Result<bool, RepoFailure> {
        if !self.read(|repo| Ok(repo.is_shallow())).await? {
            return Ok(false);
        }
        Ok(Self::ask(&self.remote, move |mirror| mirror.deepen(all)).await?)
    }

    /// Reads from the mirror; one that turns out to be damaged or gone is fetched anew, and read once more.
    async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&Repository) -> Result<T, Error> + Clone + Send + 'static,
    ) -> Result<T, RepoFailure> {
        let (again, at_last) = (work.clone(), work.clone());
        let mut result = Self::ask(&self.reader, |mirror| mirror.with(work)).await;
        // A handle that was opened before may not find what was written since.
        if matches!(result, Err(Error::NoCommit { .. })) {
            let reopened = |mirror: &mut Mirror| {
                mirror.close();
                mirror.with(again)
            };
            result = Self::ask(&self.reader, reopened).await;
        }
        match result {
            Err(error) if self.folder.is_worth_mending(&error) => {
                tracing::info!(%error, "the mirror cannot be read and is fetched anew");
                Self::ask(&self.remote, Mirror::fetch).await?;
                Ok(Self::ask(&self.reader, |mirror| mirror.with(at_last)).await?)
            }
            other => Ok(other?),
        }
    }
}

impl ConfigRepo for Repo {
    async fn fetch(&self) -> Result<CommitId, RepoFailure> {
        Ok(Self::ask(&self.remote, Mirror::fetch).await?)
    }

    async fn files(&self, commit: CommitId, paths: Vec<RepoPath>) -> Result<Vec<TreeFile>, RepoFailure> {
        let (url, most) = (self.wire.url.clone(), self.limits.files);
        self.read(move |repo| {
            let tree = history::commit(repo, &url, commit)?.tree_id();
            tree::files(repo, tree, &paths, most)
        })
        .await
    }

    async fn changes(&self, from: CommitId, to: CommitId) -> Result<Option<Vec<FileChange>>, RepoFailure> {
        let url = self.wire.url.clone();
        self.read(move |repo| {
            let (from, to) = (history::commit(repo, &url, from)?, history::commit(repo, &url, to)?);
            let changes = tree::changes(repo, to.tree_id(), &[from.tree_id()]);
            changes.map(Some).map_err(|source| Error::Git {
                doing: "compare two commits",
                source,
            })
        })
        .await
    }

    async fn blobs(&self, ids: Vec<BlobId>, limit: usize) -> Result<Vec<Option<Vec<u8>>>, RepoFailure> {
        let ids = Arc::new(ids);
        self.read(move |repo| history::blobs(repo, &ids, limit)).await
    }

    async fn history(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> Result<Vec<HistoryCommit>, RepoFailure> {
        let url = self.wire.url.clone();
        self.read(move |repo| history::history(repo, &url, tip, until, limit))
            .await
    }

    /// What is below the oldest commit that is known is found out before the answer is no.
    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, RepoFailure> {
        loop {
            let url = self.wire.url.clone();
            let asked = self.read(move |repo| history::is_ancestor(repo, &url, ancestor, descendant));
            if asked.await? {
                return Ok(true);
            }
            if !self.deepened(false).await? {
                return Ok(false);
            }
        }
    }

    async fn unshallow(&self) -> Result<bool, RepoFailure> {
        self.deepened(true).await
    }

    async fn verified_head(&self, tip: CommitId) -> Result<VerifiedHead, RepoFailure> {
        let url = self.wire.url.clone();
        let judged = Self::ask(&self.reader, move |mirror| {
            let trust = Arc::clone(&mirror.trust);
            mirror.with(|repo| trust.judge(repo, &url, tip))
        });
        Ok(judged.await?)
    }

    async fn commit_and_push(&self, commits: Vec<NewCommit>) -> Result<PushOutcome, RepoFailure> {
        Ok(Self::ask(&self.remote, move |mirror| push::commit_and_push(mirror, &commits)).await?)
    }
}

impl ProposalBranches for Repo {
    async fn branch_head(&self, branch: BranchName, above: CommitId) -> Result<Option<CommitId>, RepoFailure> {
        let mut further = false;
        loop {
            let branch = branch.clone();
            let asked = Self::ask(&self.remote, move |mirror| side::fetch(mirror, &branch, further));
            let Some(tip) = asked.await? else {
                return Ok(None);
            };
            if self.read(move |repo| side::meet(repo, tip, above)).await? || !self.deepened(false).await? {
                return Ok(Some(tip));
            }
            further = true;
        }
    }

    async fn replace_branch(
        &self,
        branch: BranchName,
        seen: Option<CommitId>,
        commits: Vec<NewCommit>,
    ) -> Result<PushOutcome, RepoFailure> {
        let replaced = Self::ask(&self.remote, move |mirror| {
            side::replace(mirror, &branch, seen, &commits)
        });
        Ok(replaced.await?)
    }

    async fn remove_branch(&self, branch: BranchName, seen: CommitId) -> Result<PushOutcome, RepoFailure> {
        Ok(Self::ask(&self.remote, move |mirror| side::remove(mirror, &branch, seen)).await?)
    }
}
