use super::clone::{Local, LocalError};
use super::git_program::{self, Failure};
use crate::model::{Author, BlobId, CommitId, RepoPath, with_causes};
use crate::port::{ConfigRepo, HistoryCommit, NewCommit, PushOutcome, RepoFailure, RepoProblem, TreeListing};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A branch as a person writes it: with the git program, name, keys and settings of this machine. If the clone has a remote,
/// the remote's branch is read and written; otherwise the clone's own.
#[derive(Clone)]
pub struct UserClone {
    local: Local,
    folder: PathBuf,
    branch: String,
    remote: Option<Remote>,
    author: Option<Author>,
}

/// The remote of the branch.
#[derive(Clone)]
struct Remote {
    name: String,
    /// The full name of the branch there.
    branch: String,
}

/// A fetch or a push over a slow line.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// Input and variables of one git command.
#[derive(Clone, Copy, Default)]
struct Input<'a> {
    bytes: &'a [u8],
    environment: &'a [(&'a str, &'a str)],
}

impl UserClone {
    /// Opens a clone on this machine. Without `branch` the checked-out branch is used.
    ///
    /// # Errors
    /// The folder is no clone, no branch is checked out, or the git program does not run.
    pub async fn open(folder: &Path, branch: Option<&str>, author: Option<Author>) -> Result<Self, RepoFailure> {
        let local = Local::open(folder, branch).map_err(|error: LocalError| failure(format!("{error}")))?;
        let mut own = Self {
            folder: local.top(),
            local,
            branch: branch.unwrap_or_default().to_owned(),
            remote: None,
            author,
        };
        if own.branch.is_empty() {
            own.branch = own.git(&["symbolic-ref", "--short", "HEAD"]).await.map_err(|_| {
                failure(format!(
                    "{} has no branch checked out; name one with --branch",
                    folder.display()
                ))
            })?;
        }
        own.remote = own.find_remote().await?;
        Ok(own)
    }

    /// The remote that git's configuration names for the branch, otherwise `origin`.
    async fn find_remote(&self) -> Result<Option<Remote>, RepoFailure> {
        let key = |name: &str| format!("branch.{}.{name}", self.branch);
        let remotes = self.git(&["remote"]).await?;
        let exists = |name: &str| remotes.lines().any(|remote| remote == name);
        let configured = self.git(&["config", &key("remote")]).await.ok();
        let Some(name) = configured.filter(|name| exists(name)) else {
            return Ok(exists("origin").then(|| Remote {
                name: "origin".to_owned(),
                branch: self.full(),
            }));
        };
        let merge = self.git(&["config", &key("merge")]).await.ok();
        let branch = merge.filter(|name| name.starts_with("refs/heads/"));
        Ok(Some(Remote {
            name,
            branch: branch.unwrap_or_else(|| self.full()),
        }))
    }

    /// The branch that commits go to, for people.
    pub fn target(&self) -> String {
        match &self.remote {
            Some(remote) => format!("{} of {}", remote.branch.trim_start_matches("refs/heads/"), remote.name),
            None => self.branch.clone(),
        }
    }

    async fn git(&self, arguments: &[&str]) -> Result<String, RepoFailure> {
        self.git_with(arguments, Input::default()).await
    }

    /// Runs git in the clone. Returns standard output without the last line end.
    async fn git_with(&self, arguments: &[&str], input: Input<'_>) -> Result<String, RepoFailure> {
        let mut git = git_program::git(LONGEST)
            .in_folder(&self.folder)
            .args(arguments)
            .input(input.bytes.to_vec());
        for (name, value) in input.environment {
            git = git.env(name, value);
        }
        let subcommand = arguments.first().copied().unwrap_or_default();
        let failed = match git_program::run(git).await {
            Ok(stdout) => return Ok(String::from_utf8_lossy(&stdout).trim_end().to_owned()),
            Err(Failure::Run(error)) => with_causes(&error),
            Err(Failure::Status(stderr)) => git_program::message(&String::from_utf8_lossy(&stderr)),
        };
        Err(failure(format!(
            "git {subcommand} in {}: {failed}",
            self.folder.display()
        )))
    }

    fn full(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }

    async fn tip(&self) -> Result<CommitId, RepoFailure> {
        let name = match &self.remote {
            Some(remote) => {
                self.git(&["fetch", "--quiet", "--no-tags", &remote.name, &remote.branch])
                    .await?;
                "FETCH_HEAD".to_owned()
            }
            None => self.full(),
        };
        let id = self
            .git(&["rev-parse", "--verify", &format!("{name}^{{commit}}")])
            .await?;
        CommitId::parse(&id).map_err(|error| failure(error.to_string()))
    }

    /// Writes the edited tree with a temporary index, so that the clone's own index stays as it is.
    async fn tree(&self, plan: &NewCommit) -> Result<String, RepoFailure> {
        let scratch =
            tempfile::tempdir().map_err(|error| failure(format!("cannot create a temporary folder: {error}")))?;
        let path = scratch.path().join("index").display().to_string();
        let environment = [("GIT_INDEX_FILE", path.as_str())];
        let index = Input {
            bytes: b"",
            environment: &environment,
        };
        let parent = plan.parent.to_string();
        self.git_with(&["read-tree", &parent], index).await?;
        for edit in &plan.edits {
            let content = Input {
                bytes: &edit.bytes,
                environment: &[],
            };
            let blob = self.git_with(&["hash-object", "-w", "--stdin"], content).await?;
            let list = ["--literal-pathspecs", "ls-files", "--stage", "--", edit.path.as_str()];
            let entry = self.git_with(&list, index).await?;
            let mode = entry.split(' ').next().unwrap_or_default();
            let entry = format!("{mode},{blob},{}", edit.path);
            self.git_with(&["update-index", "--cacheinfo", &entry], index).await?;
        }
        self.git_with(&["write-tree"], index).await
    }

    async fn commit(&self, plan: &NewCommit) -> Result<String, RepoFailure> {
        let (tree, parent) = (self.tree(plan).await?, plan.parent.to_string());
        let author = plan.author.as_ref().or(self.author.as_ref());
        let (name, email) = author.map(|author| (author.name(), author.email())).unwrap_or_default();
        let environment = [
            ("GIT_AUTHOR_NAME", name),
            ("GIT_AUTHOR_EMAIL", email),
            ("GIT_COMMITTER_NAME", name),
            ("GIT_COMMITTER_EMAIL", email),
        ];
        let environment = if author.is_some() { &environment[..] } else { &[] };
        let signs = self.git(&["config", "--type=bool", "commit.gpgSign"]).await;
        let sign = signs.is_ok_and(|signs| signs == "true").then_some("-S");
        let arguments = ["commit-tree", &tree, "-p", &parent, "-F", "-"];
        let arguments: Vec<&str> = arguments.into_iter().chain(sign).collect();
        self.git_with(
            &arguments,
            Input {
                bytes: plan.message.as_bytes(),
                environment,
            },
        )
        .await
    }

    async fn is_checked_out(&self) -> bool {
        let head = self.git(&["symbolic-ref", "--short", "HEAD"]).await.ok();
        let is_bare = self.git(&["rev-parse", "--is-bare-repository"]).await.ok();
        head.as_deref() == Some(&*self.branch) && is_bare.as_deref() == Some("false")
    }

    /// Moves the branch of a clone without a remote, unless another work tree has checked it out.
    async fn move_branch(&self, to: &str, from: &str) -> Result<String, RepoFailure> {
        let worktree = ["for-each-ref", "--format=%(worktreepath)", &self.full()];
        let elsewhere = self.git(&worktree).await?;
        if !elsewhere.is_empty() && self.git(&["rev-parse", "--is-bare-repository"]).await? == "false" {
            return Err(failure(format!(
                "{} is checked out in {elsewhere}; name that folder",
                self.branch
            )));
        }
        self.git(&["update-ref", &self.full(), to, from]).await
    }

    /// Fast-forwards the checked-out branch, unless local changes are in the way.
    async fn fast_forward(&self, to: &str) {
        if self.is_checked_out().await {
            let _ = self.git(&["merge", "--quiet", "--ff-only", to]).await;
        }
    }
}

fn failure(message: String) -> RepoFailure {
    RepoFailure {
        problem: RepoProblem::Other,
        message,
    }
}

impl ConfigRepo for UserClone {
    async fn fetch(&self) -> Result<CommitId, RepoFailure> {
        let tip = self.tip().await?;
        let local = self.git(&["rev-parse", "--verify", "--quiet", &self.full()]).await;
        if let (Some(remote), Ok(local)) = (&self.remote, local) {
            let arguments = ["merge-base", "--is-ancestor", &*local, &*tip.to_string()];
            if self.git(&arguments).await.is_err() {
                return Err(failure(format!(
                    "{} in {} has commits that {} does not have; push or drop them first",
                    self.branch,
                    self.folder.display(),
                    remote.name
                )));
            }
        }
        Ok(tip)
    }

    async fn files(&self, commit: CommitId, paths: Vec<RepoPath>) -> Result<TreeListing, RepoFailure> {
        self.local.files(commit, paths).await
    }

    async fn blobs(&self, ids: Vec<BlobId>, limit: usize) -> Result<Vec<Option<Vec<u8>>>, RepoFailure> {
        self.local.blobs(ids, limit).await
    }

    async fn history_ids(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> Result<Vec<CommitId>, RepoFailure> {
        self.local.history_ids(tip, until, limit).await
    }

    async fn commits(&self, ids: Vec<CommitId>) -> Result<Vec<HistoryCommit>, RepoFailure> {
        self.local.commits(ids).await
    }

    async fn history(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> Result<Vec<HistoryCommit>, RepoFailure> {
        self.local.history(tip, until, limit).await
    }

    async fn is_whole(&self) -> Result<bool, RepoFailure> {
        self.local.is_whole().await
    }

    async fn unshallow(&self) -> Result<bool, RepoFailure> {
        self.local.unshallow().await
    }

    async fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, RepoFailure> {
        self.local.is_ancestor(ancestor, descendant).await
    }

    async fn commit_and_push(&self, commits: Vec<NewCommit>) -> Result<PushOutcome, RepoFailure> {
        let [plan] = commits.as_slice() else {
            return Err(failure("one commit is pushed at a time".to_owned()));
        };
        let (ours, parent) = (self.commit(plan).await?, plan.parent.to_string());
        let id = CommitId::parse(&ours).map_err(|error| failure(error.to_string()))?;
        let done = match &self.remote {
            Some(remote) => {
                let lease = format!("--force-with-lease={}:{parent}", remote.branch);
                let update = format!("{ours}:{}", remote.branch);
                self.git(&["push", "--quiet", &lease, &remote.name, &update]).await
            }
            None if self.is_checked_out().await => self.git(&["merge", "--quiet", "--ff-only", &ours]).await,
            None => self.move_branch(&ours, &parent).await,
        };
        let Err(refused) = done else {
            if self.remote.is_some() {
                self.fast_forward(&ours).await;
            }
            return Ok(PushOutcome::Landed(id));
        };
        match self.tip().await? {
            tip if tip == id => Ok(PushOutcome::Landed(id)),
            tip if tip == plan.parent => Ok(PushOutcome::Refused(refused.message)),
            _ => Ok(PushOutcome::Lost),
        }
    }
}
