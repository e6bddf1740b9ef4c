use super::budget::Budget;
use super::error::Error;
use super::keys::deploy_key::DeployKey;
use super::limits::Limits;
use super::lock::locked;
use super::mirror::checkpoint;
use super::mirror::dir::MirrorDir;
use super::mirror::error::Error as MirrorError;
use super::mirror::push;
use super::mirror::repository::{Mirror, Role};
use super::objects::error::Error as ObjectsError;
use super::objects::tree::Selection;
use super::objects::{Trust, history, listing, tree};
use super::settings::Settings;
use super::transport::connection::Connection;
use super::transport::libgit2::register::register;
use super::worker::{Patience, Worker};
use crate::model::{BlobId, BranchName, CommitId, RepoPath, with_causes};
use crate::port::{
    ConfigRepo, FileChange, HistoryCommit, NewCommit, ProposalBranches, PushOutcome, RepoFailure, TreeListing,
    VerifiedHead,
};
use git2::Repository;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// The config repo with its bare mirror on disk. Cheap to clone; all clones share one mirror and one connection.
///
/// Two threads own a handle of the mirror each. One talks to the server, the other only reads the disk, so that everybody can
/// read the mirror while the server hangs.
#[derive(Clone)]
pub struct Repo {
    writer: Worker<Mirror>,
    reader: Worker<Mirror>,
    connection: Arc<Connection>,
    dir: Arc<MirrorDir>,
    limits: Limits,
    /// The folders that are read.
    paths: Arc<Vec<RepoPath>>,
}

/// What has gone over the network since the repository was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// SSH connections that were made.
    pub connections: u64,
    /// SSH commands and HTTP requests.
    pub channels: u64,
    /// Bytes of git's protocol that were sent.
    pub sent: u64,
    /// Bytes of git's protocol that were received.
    pub received: u64,
}

/// The longest time of one reading: a history of a hundred thousand commits, on a slow disk.
const READING: Duration = Duration::from_secs(300);
/// The longest time without progress: libgit2 orders a long history without a word.
const NO_PROGRESS: Duration = Duration::from_secs(60);
/// An exchange with the server connects, logs in and waits through a few silences before its errors say so.
const SILENCES: u32 = 5;

impl Repo {
    /// Starts the two threads; does not use the network. Needs an async runtime.
    ///
    /// # Errors
    /// There is no runtime, or the threads do not start.
    pub fn open(settings: Settings) -> Result<Self, RepoFailure> {
        Self::open_trusting(settings, Trust::default())
    }

    /// Opens the repository like [`open`](Self::open), with signatures made or required.
    ///
    /// # Errors
    /// There is no runtime, or the threads do not start.
    pub fn open_trusting(settings: Settings, trust: Trust) -> Result<Self, RepoFailure> {
        let runtime = Handle::try_current().map_err(|_| Error::NoRuntime)?;
        register().map_err(Error::from)?;
        let (connection, dir) = (
            Arc::new(settings.connection()),
            Arc::new(MirrorDir::new(&settings.mirror_dir)),
        );
        let (settings, trust) = (Arc::new(settings), Arc::new(trust));
        let network = settings.timeout.saturating_mul(SILENCES);
        let writing = Patience {
            job: settings.limits.time.saturating_add(network).saturating_mul(2),
            progress: NO_PROGRESS.saturating_add(network),
        };
        let reading = Patience {
            job: READING,
            progress: NO_PROGRESS,
        };
        let worker = |name: &str, role: Role, patience: Patience| {
            Worker::start(
                name,
                patience,
                Mirror::new(
                    Arc::clone(&settings),
                    Arc::clone(&connection),
                    runtime.clone(),
                    Arc::clone(&trust),
                    Arc::clone(&dir),
                    role,
                ),
            )
        };
        Ok(Self {
            writer: worker("git-remote", Role::Writer, writing)?,
            reader: worker("git-reader", Role::Reader, reading)?,
            connection: Arc::clone(&connection),
            dir: Arc::clone(&dir),
            limits: settings.limits,
            paths: Arc::new(settings.paths.clone()),
        })
    }

    /// Logs in with this key from the next operation on. If the server rejects the key and accepts `next`, that key is used
    /// from then on. Signatures with the deploy key use the key that is logged in with.
    pub fn use_keys(&self, key: Arc<DeployKey>, next: Option<Arc<DeployKey>>) {
        self.connection.use_keys(key, next);
    }

    /// Keeps no push on standby, so that the server is not asked for the right to write. The first push that lands ends this.
    pub(crate) fn only_reads(&self) {
        if let Some(ssh) = self.connection.ssh() {
            locked(&ssh.demand).forbid();
        }
    }

    /// Returns after the server has rejected our key since the last call.
    pub async fn key_rejected(&self) {
        self.connection.key_rejected().await;
    }

    /// What has gone over the network so far.
    pub fn counters(&self) -> Counters {
        let counts = &self.connection.endpoint.counts;
        Counters {
            connections: counts.connections.load(Ordering::Relaxed),
            channels: counts.channels.load(Ordering::Relaxed),
            sent: counts.sent.load(Ordering::Relaxed),
            received: counts.received.load(Ordering::Relaxed),
        }
    }

    /// Ends the exchanges with the server, because the agent stops: a fetch at once, a push within a second. Later exchanges
    /// fail. The mirror can still be read.
    pub fn stop(&self) {
        self.connection.endpoint.stop();
    }

    /// The threads that hang at `now`: they work and make no progress.
    pub fn stuck(&self, now: Instant) -> Vec<String> {
        let workers = [&self.writer, &self.reader].into_iter();
        workers.filter_map(|worker| worker.stuck(now)).collect()
    }

    /// Returns when a thread has panicked, with the reason. The repository cannot be used any more.
    pub async fn failed(&self) -> String {
        tokio::select! {
            reason = self.writer.failed() => reason,
            reason = self.reader.failed() => reason,
        }
    }

    /// Fetches more of the history, or the whole history, unless it is complete. True if there was more.
    async fn deepen(&self, whole: bool) -> Result<bool, RepoFailure> {
        if self.is_whole().await? {
            return Ok(false);
        }
        Ok(ask(&self.writer, move |mirror| mirror.deepen(whole)).await?)
    }

    /// Reads from the mirror. A mirror that is damaged or gone is fetched again, and then read once more.
    async fn read<T: Send + 'static>(
        &self,
        work: impl Fn(&Repository, &Budget) -> Result<T, ObjectsError> + Clone + Send + 'static,
    ) -> Result<T, RepoFailure> {
        let within = |mirror: &mut Mirror, work: &dyn Fn(&Repository, &Budget) -> Result<T, ObjectsError>| {
            let budget = Arc::clone(&mirror.budget);
            mirror.with(|repo| work(repo, &budget))
        };
        let (reopened, last) = (work.clone(), work.clone());
        let mut result = ask(&self.reader, move |mirror| within(mirror, &work)).await;
        // A handle that was opened before may not find what was written since.
        if matches!(&result, Err(Error::Mirror(error)) if error.is_missing_commit()) {
            let reopen = move |mirror: &mut Mirror| {
                mirror.close();
                within(mirror, &reopened)
            };
            result = ask(&self.reader, reopen).await;
        }
        match result {
            Err(Error::Mirror(error)) if self.dir.fetch_may_help(&error) => {
                tracing::info!(
                    error = with_causes(&error),
                    "the mirror cannot be read and is fetched again"
                );
                ask(&self.writer, Mirror::fetch).await?;
                Ok(ask(&self.reader, move |mirror| within(mirror, &last)).await?)
            }
            other => Ok(other?),
        }
    }
}

/// Runs `work` on a thread, within the budget of one job.
async fn ask<T: Send + 'static>(
    worker: &Worker<Mirror>,
    work: impl FnOnce(&mut Mirror) -> Result<T, MirrorError> + Send + 'static,
) -> Result<T, Error> {
    let asked = worker.ask(|mirror, budget| {
        mirror.budget = budget;
        work(mirror)
    });
    asked.await
}

impl ConfigRepo for Repo {
    async fn fetch(&self) -> Result<CommitId, RepoFailure> {
        Ok(ask(&self.writer, Mirror::fetch).await?)
    }

    async fn files(&self, commit: CommitId, paths: Vec<RepoPath>) -> Result<TreeListing, RepoFailure> {
        let (url, limit) = (self.connection.endpoint.url.clone(), self.limits.files);
        self.read(move |repo, budget| {
            let tree = history::commit(repo, &url, commit)?.tree_id();
            listing::list(repo, tree, &paths, limit, budget)
        })
        .await
    }

    async fn changes(&self, from: CommitId, to: CommitId) -> Result<Option<Vec<FileChange>>, RepoFailure> {
        let url = self.connection.endpoint.url.clone();
        self.read(move |repo, budget| {
            let (from, to) = (history::commit(repo, &url, from)?, history::commit(repo, &url, to)?);
            tree::changes_of_files_only(repo, to.tree_id(), from.tree_id(), budget)
        })
        .await
    }

    async fn blobs(&self, ids: Vec<BlobId>, limit: usize) -> Result<Vec<Option<Vec<u8>>>, RepoFailure> {
        let ids = Arc::new(ids);
        self.read(move |repo, budget| history::blobs(repo, &ids, limit, budget))
            .await
    }

    async fn history_ids(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> Result<Vec<CommitId>, RepoFailure> {
        let url = self.connection.endpoint.url.clone();
        self.read(move |repo, budget| history::ids(repo, &url, tip, until, limit, budget))
            .await
    }

    async fn commits(&self, ids: Vec<CommitId>) -> Result<Vec<HistoryCommit>, RepoFailure> {
        let (ids, paths) = (Arc::new(ids), Arc::clone(&self.paths));
        self.read(move |repo, budget| history::commits(repo, &ids, Selection(&paths), budget))
            .await
    }

    async fn history(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> Result<Vec<HistoryCommit>, RepoFailure> {
        let url = self.connection.endpoint.url.clone();
        self.read(move |repo, budget| history::history(repo, &url, tip, until, limit, budget))
            .await
    }

    /// Fetches more of the history before the answer is no.
    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, RepoFailure> {
        loop {
            let url = self.connection.endpoint.url.clone();
            let asked = self.read(move |repo, _| history::is_ancestor(repo, &url, ancestor, descendant));
            if asked.await? {
                return Ok(true);
            }
            if !self.deepen(false).await? {
                return Ok(false);
            }
        }
    }

    async fn unshallow(&self) -> Result<bool, RepoFailure> {
        self.deepen(true).await
    }

    async fn is_whole(&self) -> Result<bool, RepoFailure> {
        Ok(!self.read(|repo, _| Ok(repo.is_shallow())).await?)
    }

    async fn checkpoint(&self) -> Option<Vec<u8>> {
        let found = ask(&self.reader, |mirror| Ok(checkpoint::load(mirror))).await;
        found.ok().flatten()
    }

    async fn keep_checkpoint(&self, bytes: Vec<u8>) {
        let kept = ask(&self.reader, move |mirror| Ok(checkpoint::keep(mirror, &bytes)));
        let problem = match kept.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(error) => with_causes(&error),
        };
        tracing::debug!(
            error = problem,
            "the history is not kept, and the next start reads it again"
        );
    }

    async fn verified_head(&self, tip: CommitId) -> Result<VerifiedHead, RepoFailure> {
        let url = self.connection.endpoint.url.clone();
        let judged = ask(&self.reader, move |mirror| {
            let trust = Arc::clone(&mirror.trust);
            mirror.with(|repo| trust.judge(repo, &url, tip))
        });
        Ok(judged.await?)
    }

    async fn commit_and_push(&self, commits: Vec<NewCommit>) -> Result<PushOutcome, RepoFailure> {
        Ok(ask(&self.writer, move |mirror| push::commit_and_push(mirror, &commits)).await?)
    }
}

impl ProposalBranches for Repo {
    async fn branch_head(&self, branch: BranchName, above: CommitId) -> Result<Option<CommitId>, RepoFailure> {
        let mut again = false;
        loop {
            let branch = branch.clone();
            let fetched = ask(&self.writer, move |mirror| mirror.fetch_proposal_branch(&branch, again));
            let Some(tip) = fetched.await? else {
                return Ok(None);
            };
            let meets = self.read(move |repo, _| history::have_common_ancestor(repo, tip, above));
            if meets.await? || !self.deepen(false).await? {
                return Ok(Some(tip));
            }
            again = true;
        }
    }

    async fn replace_branch(
        &self,
        branch: BranchName,
        seen: Option<CommitId>,
        commits: Vec<NewCommit>,
    ) -> Result<PushOutcome, RepoFailure> {
        let replaced = ask(&self.writer, move |mirror| {
            push::replace_proposal_branch(mirror, &branch, seen, &commits)
        });
        Ok(replaced.await?)
    }

    async fn remove_branch(&self, branch: BranchName, seen: CommitId) -> Result<PushOutcome, RepoFailure> {
        let removed = ask(&self.writer, move |mirror| {
            push::remove_proposal_branch(mirror, &branch, seen)
        });
        Ok(removed.await?)
    }
}
