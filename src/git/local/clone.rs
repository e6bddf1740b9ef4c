use super::git_program::{self, Failure};
use crate::git::budget::Budget;
use crate::git::error::Error;
use crate::git::limits::Limits;
use crate::git::objects::error::Error as ObjectsError;
use crate::git::objects::ids::commit_id;
use crate::git::objects::tree::Selection;
use crate::git::objects::{history, listing};
use crate::git::transport::libgit2::cache;
use crate::model::{BlobId, CommitId, RepoPath};
use crate::port::{ConfigRepo, HistoryCommit, NewCommit, PushOutcome, RepoFailure, RepoProblem, TreeListing};
use crate::program;
use git2::{BranchType, ErrorCode, Repository, RepositoryOpenFlags};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The longest time of one reading.
const LONGEST_WORK: Duration = Duration::from_secs(300);

/// A branch of a clone on this machine. It is read without a server, and nothing is written.
#[derive(Clone)]
pub struct Local {
    repo: Arc<Mutex<Repository>>,
    path: PathBuf,
    branch: Option<String>,
}

/// A repository cannot be read as a local one.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// There is no repository at the path.
    #[error(
        "{path} is not a git repository that can be read; name the folder of a clone, or the address of a repository"
    )]
    Open {
        /// The path.
        path: PathBuf,
        /// libgit2's error.
        #[source]
        source: git2::Error,
    },
    /// The git program does not run.
    #[error("git cannot be run to clone the repository; install git, or name a clone on this machine")]
    Program {
        /// Why git does not run.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// git could not clone.
    #[error("{url} cannot be cloned: {message}")]
    Clone {
        /// The address.
        url: String,
        /// What git printed.
        message: String,
    },
    /// Cloning took too long.
    #[error("{url} was not cloned within {limit:?}; clone it yourself and name the folder")]
    TimedOut {
        /// The address.
        url: String,
        /// The deadline.
        limit: Duration,
    },
}

/// The whole history of a large repository over a slow line.
const LONGEST_CLONE: Duration = Duration::from_secs(15 * 60);

/// How many branches an error lists.
const MOST_SHOWN: usize = 10;

impl Local {
    /// Opens the repository at `path` or in a folder above it, with or without a work tree. `branch` is a branch of the
    /// repository or of its origin; without it the checked-out branch is read.
    ///
    /// # Errors
    /// There is no repository that can be read.
    pub fn open(path: &Path, branch: Option<&str>) -> Result<Self, LocalError> {
        cache::limit();
        let none: [&OsStr; 0] = [];
        let repo = Repository::open_ext(path, RepositoryOpenFlags::empty(), none);
        let repo = repo.map_err(|source| LocalError::Open {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            repo: Arc::new(Mutex::new(repo)),
            path: path.to_owned(),
            branch: branch.map(str::to_owned),
        })
    }

    /// Clones into `folder`, bare, with the user's git program and its settings (keys, credentials, proxies).
    ///
    /// # Errors
    /// There is no git program, git fails, or cloning takes longer than 15 minutes.
    pub async fn clone_into(folder: &Path, url: &str, branch: Option<&str>) -> Result<Self, LocalError> {
        let git = git_program::git(LONGEST_CLONE)
            .args(["clone", "--quiet", "--bare", "--no-tags", "--single-branch"])
            .args(branch.map(|branch| format!("--branch={branch}")))
            .arg("--")
            .arg(url)
            .arg(folder);
        match git_program::run(git).await {
            Ok(_) => Self::open(folder, branch),
            Err(Failure::Run(program::Error::TimedOut { limit, .. })) => Err(LocalError::TimedOut {
                url: without_password(url),
                limit,
            }),
            Err(Failure::Run(error)) => Err(LocalError::Program { source: error.into() }),
            Err(Failure::Status(stderr)) => {
                let url_shown = without_password(url);
                let stderr = String::from_utf8_lossy(&stderr).replace(url, &url_shown);
                Err(LocalError::Clone {
                    url: url_shown,
                    message: git_program::message(&stderr),
                })
            }
        }
    }

    /// The top of the work tree, or the repository itself if it is bare.
    pub(crate) fn top(&self) -> PathBuf {
        let repo = self.repo.lock().unwrap_or_else(PoisonError::into_inner);
        repo.workdir().unwrap_or_else(|| repo.path()).to_owned()
    }

    /// Whether the repository has no commit.
    ///
    /// # Errors
    /// The repository could not be read.
    pub async fn is_unborn(&self) -> Result<bool, RepoFailure> {
        self.run(|repo, _, _| {
            let unborn = repo.head().is_err_and(|error| error.code() == ErrorCode::UnbornBranch);
            Ok(unborn && repo.references().is_ok_and(|mut all| all.next().is_none()))
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Repository, &str, &Budget) -> Result<T, ObjectsError> + Send + 'static,
    ) -> Result<T, RepoFailure> {
        let (repo, path) = (Arc::clone(&self.repo), self.path.display().to_string());
        let done = tokio::task::spawn_blocking(move || {
            let repo = repo.lock().unwrap_or_else(PoisonError::into_inner);
            work(&repo, &path, &Budget::of(LONGEST_WORK))
        });
        let ended = |error: tokio::task::JoinError| Error::Ended {
            reason: error.to_string(),
        };
        Ok(done.await.map_err(ended)?.map_err(Error::from)?)
    }
}

impl ConfigRepo for Local {
    async fn fetch(&self) -> Result<CommitId, RepoFailure> {
        let (branch, path) = (self.branch.clone(), self.path.display().to_string());
        let tip = self.run(move |repo, _, _| {
            let reference = match &branch {
                None => repo.head(),
                Some(name) => repo
                    .find_branch(name, BranchType::Local)
                    .or_else(|_| repo.find_branch(&format!("origin/{name}"), BranchType::Remote))
                    .map(git2::Branch::into_reference),
            };
            let tip = reference.and_then(|reference| reference.peel_to_commit());
            Ok(tip
                .map(|tip| commit_id(tip.id()))
                .map_err(|error| (error, branches(repo))))
        });
        tip.await?.map_err(|(error, known)| RepoFailure {
            problem: RepoProblem::NoBranch,
            message: match &self.branch {
                Some(branch) => format!("{path} has no branch {branch}; it has {known}"),
                None => format!(
                    "{path} has nothing checked out ({}); name a branch with --branch; it has {known}",
                    error.message().trim_end_matches('.')
                ),
            },
        })
    }

    async fn files(&self, commit: CommitId, paths: Vec<RepoPath>) -> Result<TreeListing, RepoFailure> {
        self.run(move |repo, path, budget| {
            let tree = history::commit(repo, &path, commit)?.tree_id();
            listing::list(repo, tree, &paths, Limits::default().files, budget)
        })
        .await
    }

    async fn blobs(&self, ids: Vec<BlobId>, limit: usize) -> Result<Vec<Option<Vec<u8>>>, RepoFailure> {
        self.run(move |repo, _, budget| history::blobs(repo, &ids, limit, budget))
            .await
    }

    async fn history_ids(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> Result<Vec<CommitId>, RepoFailure> {
        self.run(move |repo, path, budget| history::ids(repo, &path, tip, until, limit, budget))
            .await
    }

    async fn commits(&self, ids: Vec<CommitId>) -> Result<Vec<HistoryCommit>, RepoFailure> {
        self.run(move |repo, _, budget| history::commits(repo, &ids, Selection::ALL, budget))
            .await
    }

    async fn history(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> Result<Vec<HistoryCommit>, RepoFailure> {
        self.run(move |repo, path, budget| history::history(repo, &path, tip, until, limit, budget))
            .await
    }

    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, RepoFailure> {
        self.run(move |repo, path, _| history::is_ancestor(repo, &path, ancestor, descendant))
            .await
    }

    async fn is_whole(&self) -> Result<bool, RepoFailure> {
        self.run(|repo, _, _| Ok(!repo.is_shallow())).await
    }

    /// Fetches nothing, because the clone is the user's own.
    async fn unshallow(&self) -> Result<bool, RepoFailure> {
        let path = self.path.display().to_string();
        if !self.is_whole().await? {
            return Err(RepoFailure {
                problem: RepoProblem::Other,
                message: format!(
                    "{path} has only a part of the history, and a rollback may lie before it; \
                     `git -C {} fetch --unshallow` fetches the rest",
                    crate::history::shell_word(&path)
                ),
            });
        }
        Ok(false)
    }

    async fn commit_and_push(&self, _: Vec<NewCommit>) -> Result<PushOutcome, RepoFailure> {
        Ok(PushOutcome::ReadOnly("a local clone is only read".to_owned()))
    }
}

/// The branches of the repository and of its origin, as many as fit into a line.
fn branches(repo: &Repository) -> String {
    let names = repo
        .branches(None)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|(branch, _)| {
            let name = String::from_utf8_lossy(branch.name_bytes().ok()?).into_owned();
            let name = name.strip_prefix("origin/").unwrap_or(&name).to_owned();
            (name != "HEAD").then_some(name)
        });
    let names: BTreeSet<String> = names.collect();
    match names.len() {
        0 => "none".to_owned(),
        count => {
            let shown: Vec<String> = names.into_iter().take(MOST_SHOWN).collect();
            let more = count.saturating_sub(MOST_SHOWN);
            let more = if more == 0 {
                String::new()
            } else {
                format!(" and {more} more")
            };
            format!("{}{more}", shown.join(", "))
        }
    }
}

/// The address without its login, for people. The user of an SSH address stays, without a password; over HTTP a user is a token
/// as often as a name.
pub fn without_password(url: &str) -> String {
    let shown = || {
        let (scheme, rest) = url.split_once("://")?;
        let (login, _) = rest.split(['/', '?', '#']).next()?.rsplit_once('@')?;
        let after = rest.get(login.len()..)?;
        let is_http = scheme.to_ascii_lowercase().starts_with("http");
        let user = login.split(':').next().filter(|_| !is_http);
        let after = if user.is_some() {
            after
        } else {
            after.strip_prefix('@')?
        };
        Some(format!("{scheme}://{}{after}", user.unwrap_or_default()))
    };
    shown().unwrap_or_else(|| url.to_owned())
}
