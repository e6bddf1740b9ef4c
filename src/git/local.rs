use super::error::Error;
use super::mirror::commit_id;
use super::settings::Limits;
use super::{history, transport, tree};
use crate::model::{BlobId, CommitId, RepoPath};
use crate::port::{ConfigRepo, HistoryCommit, NewCommit, PushOutcome, RepoFailure, RepoProblem, TreeFile};
use git2::{BranchType, ErrorCode, Repository, RepositoryOpenFlags};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A branch of a clone on this machine, read where it lies: no server is asked and nothing is written.
#[derive(Clone)]
pub struct Local {
    repo: Arc<Mutex<Repository>>,
    path: PathBuf,
    branch: Option<String>,
}

/// A repository cannot be read as a local one.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// There is no repository.
    #[error("{path} is no git repository that can be read; name a clone's folder or a repository's address")]
    Open {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: git2::Error,
    },
    /// The git program does not run.
    #[error("git cannot be run, and fetches what lies elsewhere; install it, or name a clone on this machine")]
    Program {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The git program could not clone.
    #[error("{url} cannot be cloned: {words}")]
    Clone {
        /// What was to be cloned.
        url: String,
        /// What git said.
        words: String,
    },
    /// It took too long.
    #[error("{url} was not cloned within {limit:?}; clone it yourself and name the folder")]
    Late {
        /// What was to be cloned.
        url: String,
        /// The deadline.
        limit: Duration,
    },
}

/// The whole history of a large repository over a slow line.
const LONGEST_CLONE: Duration = Duration::from_secs(15 * 60);

/// How many branches are named to somebody who named none that is there.
const SHOWN_BRANCHES: usize = 10;

/// How much of git's own words is shown.
const LONGEST_WORDS: usize = 2000;

impl Local {
    /// Opens the repository at `path` or in a folder above it, with or without a work tree; `branch` is its own branch or one it
    /// knows of its origin, and what is checked out if not given.
    ///
    /// # Errors
    /// There is none that can be read.
    pub fn open(path: &Path, branch: Option<&str>) -> Result<Self, LocalError> {
        transport::bound_memory();
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

    /// Clones with the user's git program and its settings (keys, credentials, proxies) into `folder`, bare.
    ///
    /// # Errors
    /// There is no git program, it fails, or takes longer than 15 minutes.
    pub async fn clone_into(folder: &Path, url: &str, branch: Option<&str>) -> Result<Self, LocalError> {
        let mut git = tokio::process::Command::new("git");
        git.args(["clone", "--quiet", "--bare", "--no-tags", "--single-branch"]);
        if let Some(branch) = branch {
            git.arg(format!("--branch={branch}"));
        }
        git.arg("--").arg(url).arg(folder);
        git.stdin(Stdio::null()).kill_on_drop(true);
        let ended = tokio::time::timeout(LONGEST_CLONE, git.output()).await;
        let output = ended.map_err(|_| LocalError::Late {
            url: without_password(url),
            limit: LONGEST_CLONE,
        })?;
        let output = output.map_err(|source| LocalError::Program { source })?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            let words = words.replace(url, &without_password(url));
            let plain = words.trim().chars().filter(|c| *c == '\n' || !c.is_control());
            return Err(LocalError::Clone {
                url: without_password(url),
                words: plain.take(LONGEST_WORDS).collect(),
            });
        }
        Self::open(folder, branch)
    }

    /// The work tree's top, or the repository itself where there is none.
    pub(super) fn top(&self) -> PathBuf {
        let repo = self.repo.lock().unwrap_or_else(PoisonError::into_inner);
        repo.workdir().unwrap_or_else(|| repo.path()).to_owned()
    }

    /// Whether nothing was ever committed to it.
    ///
    /// # Errors
    /// It could not be read.
    pub async fn is_unborn(&self) -> Result<bool, RepoFailure> {
        self.ask(|repo, _| {
            let unborn = repo.head().is_err_and(|error| error.code() == ErrorCode::UnbornBranch);
            Ok(unborn && repo.references().is_ok_and(|mut all| all.next().is_none()))
        })
        .await
    }

    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Repository, &str) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, RepoFailure> {
        let (repo, place) = (Arc::clone(&self.repo), self.path.display().to_string());
        let done = tokio::task::spawn_blocking(move || {
            let repo = repo.lock().unwrap_or_else(PoisonError::into_inner);
            work(&repo, &place)
        });
        Ok(done.await.map_err(|_| Error::Ended)??)
    }
}

impl ConfigRepo for Local {
    async fn fetch(&self) -> Result<CommitId, RepoFailure> {
        let (branch, path) = (self.branch.clone(), self.path.display().to_string());
        let tip = self.ask(move |repo, _| {
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

    async fn files(&self, commit: CommitId, paths: Vec<RepoPath>) -> Result<Vec<TreeFile>, RepoFailure> {
        self.ask(move |repo, place| {
            let tree = history::commit(repo, &place, commit)?.tree_id();
            tree::files(repo, tree, &paths, Limits::default().files)
        })
        .await
    }

    async fn blobs(&self, ids: Vec<BlobId>, limit: usize) -> Result<Vec<Option<Vec<u8>>>, RepoFailure> {
        self.ask(move |repo, _| history::blobs(repo, &ids, limit)).await
    }

    async fn history(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> Result<Vec<HistoryCommit>, RepoFailure> {
        self.ask(move |repo, place| history::history(repo, &place, tip, until, limit))
            .await
    }

    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, RepoFailure> {
        self.ask(move |repo, place| history::is_ancestor(repo, &place, ancestor, descendant))
            .await
    }

    /// It is not ours to fetch more into it.
    async fn unshallow(&self) -> Result<bool, RepoFailure> {
        let path = self.path.display().to_string();
        if self.ask(|repo, _| Ok(repo.is_shallow())).await? {
            return Err(RepoFailure {
                problem: RepoProblem::Other,
                message: format!(
                    "{path} has a part of the history only, and what was taken back may lie before it; \
                     `git -C {} fetch --unshallow` brings the rest",
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

/// The branches that may be named, as far as they fit into a line.
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
            let shown: Vec<String> = names.into_iter().take(SHOWN_BRANCHES).collect();
            let more = count.saturating_sub(SHOWN_BRANCHES);
            let more = if more == 0 {
                String::new()
            } else {
                format!(" and {more} more")
            };
            format!("{}{more}", shown.join(", "))
        }
    }
}

/// An address without the password that may stand in it, to be shown.
pub fn without_password(url: &str) -> String {
    let shown = || {
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split('/').next()?;
        let (login, _) = authority.rsplit_once('@')?;
        let user = login.split_once(':')?.0;
        Some(format!("{scheme}://{user}{}", rest.get(login.len()..)?))
    };
    shown().unwrap_or_else(|| url.to_owned())
}
