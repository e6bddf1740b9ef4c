use super::local::{Local, LocalError};
use super::settings::Author;
use crate::model::{BlobId, CommitId, RepoPath};
use crate::port::{ConfigRepo, HistoryCommit, NewCommit, PushOutcome, RepoFailure, RepoProblem, TreeFile};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// A branch as a person writes it: with the git program, and the name, keys and settings that it has here. Of a clone that
/// has a remote the remote's branch is read and written; a repository without one is written itself.
#[derive(Clone)]
pub struct OwnClone {
    local: Local,
    folder: PathBuf,
    branch: String,
    remote: Option<Remote>,
    author: Option<Author>,
}

/// Where a branch comes from.
#[derive(Clone)]
struct Remote {
    name: String,
    /// The full name of the branch there.
    branch: String,
}

/// Words of the environment that would have git look elsewhere than in the folder that was named.
const ELSEWHERE: [&str; 5] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
];

/// A fetch or a push over a slow line.
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// How much of the git program's words is shown, in characters.
const LONGEST_WORDS: usize = 2000;

/// What a command reads, and its environment's own words.
type Input<'a> = (&'a [u8], &'a [(&'a str, &'a str)]);

impl OwnClone {
    /// A clone on this machine; without a branch the one that is checked out.
    ///
    /// # Errors
    /// It is none, nothing is checked out, there is no such branch, or the git program does not run.
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
            own.branch = own.git(&["symbolic-ref", "--short", "HEAD"], None).await.map_err(|_| {
                failure(format!(
                    "{} has no branch checked out; name one with --branch",
                    folder.display()
                ))
            })?;
        }
        let configured = own
            .git(&["config", &format!("branch.{}.remote", own.branch)], None)
            .await;
        let remotes = own.git(&["remote"], None).await?;
        let named = configured
            .ok()
            .filter(|name| remotes.lines().any(|remote| remote == name));
        own.remote = match named {
            Some(name) => {
                let merge = own
                    .git(&["config", &format!("branch.{}.merge", own.branch)], None)
                    .await;
                let branch = merge.ok().filter(|name| name.starts_with("refs/heads/"));
                let branch = branch.unwrap_or_else(|| own.full());
                Some(Remote { name, branch })
            }
            None => remotes.lines().find(|remote| *remote == "origin").map(|name| Remote {
                name: name.to_owned(),
                branch: own.full(),
            }),
        };
        Ok(own)
    }

    /// Where commits go, for people.
    pub fn place(&self) -> String {
        match &self.remote {
            Some(remote) => format!("{} of {}", remote.branch.trim_start_matches("refs/heads/"), remote.name),
            None => self.branch.clone(),
        }
    }

    async fn git(&self, arguments: &[&str], input: Option<Input<'_>>) -> Result<String, RepoFailure> {
        let mut git = tokio::process::Command::new("git");
        git.arg("-C").arg(&self.folder).args(arguments);
        let (bytes, environment) = input.unwrap_or_default();
        for name in ELSEWHERE {
            git.env_remove(name);
        }
        git.envs(environment.iter().copied());
        git.stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let what = format!("git {}", arguments.first().copied().unwrap_or_default());
        let run = async {
            let mut child = git.spawn()?;
            if let Some(mut stdin) = child.stdin.take() {
                stdin.write_all(bytes).await.ok();
            }
            child.wait_with_output().await
        };
        let ended = tokio::time::timeout(LONGEST, run).await;
        let ended = ended.map_err(|_| failure(format!("{what} did not end within {} s", LONGEST.as_secs())))?;
        let output = ended.map_err(|error| failure(format!("{what} cannot be run: {error}; install git")))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
        }
        let words = String::from_utf8_lossy(&output.stderr);
        let plain: String = words
            .trim()
            .chars()
            .filter(|c| *c == '\n' || !c.is_control())
            .take(LONGEST_WORDS)
            .collect();
        Err(failure(format!("{what} in {}: {plain}", self.folder.display())))
    }

    fn full(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }

    async fn tip(&self) -> Result<CommitId, RepoFailure> {
        let name = match &self.remote {
            Some(remote) => {
                self.git(&["fetch", "--quiet", "--no-tags", &remote.name, &remote.branch], None)
                    .await?;
                "FETCH_HEAD".to_owned()
            }
            None => self.full(),
        };
        let id = self
            .git(&["rev-parse", "--verify", &format!("{name}^{{commit}}")], None)
            .await?;
        CommitId::parse(&id).map_err(|error| failure(error.to_string()))
    }

    /// The edited tree, by an index that nobody else sees.
    async fn tree(&self, plan: &NewCommit) -> Result<String, RepoFailure> {
        let scratch = tempfile::tempdir().map_err(|error| failure(format!("no scratch folder: {error}")))?;
        let index = scratch.path().join("index").display().to_string();
        let environment = [("GIT_INDEX_FILE", index.as_str())];
        let parent = plan.parent.to_string();
        self.git(&["read-tree", &parent], Some((b"", &environment))).await?;
        for edit in &plan.edits {
            let blob = self
                .git(&["hash-object", "-w", "--stdin"], Some((&edit.bytes, &[])))
                .await?;
            let entry = self
                .git(
                    &["--literal-pathspecs", "ls-files", "--stage", "--", edit.path.as_str()],
                    Some((b"", &environment)),
                )
                .await?;
            let mode = entry.split(' ').next().unwrap_or_default();
            let entry = format!("{mode},{blob},{}", edit.path);
            self.git(&["update-index", "--cacheinfo", &entry], Some((b"", &environment)))
                .await?;
        }
        self.git(&["write-tree"], Some((b"", &environment))).await
    }

    async fn commit(&self, plan: &NewCommit) -> Result<String, RepoFailure> {
        let (tree, parent) = (self.tree(plan).await?, plan.parent.to_string());
        let (name, email) = self.author.as_ref().map(Author::parts).unwrap_or_default();
        let environment = [
            ("GIT_AUTHOR_NAME", name),
            ("GIT_AUTHOR_EMAIL", email),
            ("GIT_COMMITTER_NAME", name),
            ("GIT_COMMITTER_EMAIL", email),
        ];
        let environment = if self.author.is_some() { &environment[..] } else { &[] };
        let signs = self.git(&["config", "--type=bool", "commit.gpgSign"], None).await;
        let sign = signs.is_ok_and(|signs| signs == "true").then_some("-S");
        let arguments = ["commit-tree", &tree, "-p", &parent, "-F", "-"];
        let arguments: Vec<&str> = arguments.into_iter().chain(sign).collect();
        self.git(&arguments, Some((plan.message.as_bytes(), environment))).await
    }

    async fn is_checked_out(&self) -> bool {
        let head = self.git(&["symbolic-ref", "--short", "HEAD"], None).await.ok();
        let is_bare = self.git(&["rev-parse", "--is-bare-repository"], None).await.ok();
        head.as_deref() == Some(&*self.branch) && is_bare.as_deref() == Some("false")
    }

    /// Moves the branch of a repository that no server has, unless another folder has it checked out.
    async fn moved(&self, to: &str, from: &str) -> Result<String, RepoFailure> {
        let place = ["for-each-ref", "--format=%(worktreepath)", &self.full()];
        let elsewhere = self.git(&place, None).await?;
        if !elsewhere.is_empty() && self.git(&["rev-parse", "--is-bare-repository"], None).await? == "false" {
            return Err(failure(format!(
                "{} is checked out in {elsewhere}; name that folder",
                self.branch
            )));
        }
        self.git(&["update-ref", &self.full(), to, from], None).await
    }

    /// Brings what is checked out along, where nothing is in the way.
    async fn catch_up(&self, to: &str) {
        if self.is_checked_out().await {
            let _ = self.git(&["merge", "--quiet", "--ff-only", to], None).await;
        }
    }
}

fn failure(message: String) -> RepoFailure {
    RepoFailure {
        problem: RepoProblem::Other,
        message,
    }
}

impl ConfigRepo for OwnClone {
    async fn fetch(&self) -> Result<CommitId, RepoFailure> {
        let tip = self.tip().await?;
        let local = self
            .git(&["rev-parse", "--verify", "--quiet", &self.full()], None)
            .await;
        if let (Some(remote), Ok(local)) = (&self.remote, local) {
            let arguments = ["merge-base", "--is-ancestor", &*local, &*tip.to_string()];
            if self.git(&arguments, None).await.is_err() {
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

    async fn files(&self, commit: CommitId, paths: Vec<RepoPath>) -> Result<Vec<TreeFile>, RepoFailure> {
        self.local.files(commit, paths).await
    }

    async fn blobs(&self, ids: Vec<BlobId>, limit: usize) -> Result<Vec<Option<Vec<u8>>>, RepoFailure> {
        self.local.blobs(ids, limit).await
    }

    async fn history(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> Result<Vec<HistoryCommit>, RepoFailure> {
        self.local.history(tip, until, limit).await
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
                self.git(&["push", "--quiet", &lease, &remote.name, &update], None)
                    .await
            }
            None if self.is_checked_out().await => self.git(&["merge", "--quiet", "--ff-only", &ours], None).await,
            None => self.moved(&ours, &parent).await,
        };
        let Err(refused) = done else {
            if self.remote.is_some() {
                self.catch_up(&ours).await;
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
