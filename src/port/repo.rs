use crate::model::{Author, BlobId, BranchName, CommitId, RepoPath};
use std::future::Future;

/// A regular file in a commit's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// The path in the repository.
    pub path: RepoPath,
    /// The id of the content.
    pub blob: BlobId,
}

/// What a commit's tree has below some paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreeListing {
    /// The regular files, ordered by path.
    pub files: Vec<TreeFile>,
    /// The entries that are no regular files, and the entries whose names are no paths. Nobody reads what they hold.
    pub unread: Vec<UnreadEntry>,
}

/// An entry of a commit's tree that is not read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnreadEntry {
    /// The path of the entry; the path of its folder if the entry's name is no path.
    pub path: RepoPath,
    /// Why the entry is not read.
    pub kind: UnreadKind,
}

/// Why an entry of a tree is not read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnreadKind {
    /// The entry is a symbolic link.
    Link {
        /// Whether the link leads to a regular file of the same tree. Otherwise it may lead to a folder, or out of the tree.
        to_file: bool,
    },
    /// The entry is a commit of another repository.
    Submodule,
    /// The entry's name is not UTF-8, makes the path too long, or is no name.
    Name {
        /// The name as far as it can be shown. The ending is always there.
        name: String,
        /// Whether the entry may be a folder.
        is_folder: bool,
    },
    /// The entry has this mode, which git does not write.
    Mode(String),
    /// The commit has more entries than this number, and the reading stopped in this folder. What comes after is not listed.
    TooMany(usize),
}

/// A commit as the hold analysis reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryCommit {
    /// The id of the commit.
    pub id: CommitId,
    /// The parents, first parent first. Empty for the oldest commit of a partial history.
    pub parents: Vec<CommitId>,
    /// The author: `Name <address>`.
    pub author: String,
    /// The committer time.
    pub committed_at: jiff::Timestamp,
    /// The whole message. Bytes that are not UTF-8 are replaced.
    pub message: String,
    /// The files whose content differs from the content in the first parent, ordered by path. A root commit changes all its
    /// files. Empty for the oldest commit of a partial history.
    pub changes: Vec<FileChange>,
    /// The changes against each further parent of a merge.
    pub merged: Vec<Vec<FileChange>>,
}

/// A file that differs between a commit and one of its parents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The path. A rename is a removal and an addition.
    pub path: RepoPath,
    /// The content in the parent; `None` if the parent does not have the file.
    pub before: Option<BlobId>,
    /// The content in the commit; `None` if the commit removes the file.
    pub after: Option<BlobId>,
}

/// The new bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEdit {
    /// An existing regular file. The edit keeps the mode of the file.
    pub path: RepoPath,
    /// The blob that the edit starts from. If the file has another blob, the commit is refused.
    pub from: BlobId,
    /// The new content.
    pub bytes: Vec<u8>,
}

/// A commit to make and push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommit {
    /// The tip that the plan was made on. It is the only parent of the first commit of a push; the parent of each further
    /// commit is the commit before.
    pub parent: CommitId,
    /// The edits. A commit without edits lifts a hold or confirms deletions by the trailers of its message; every other commit has at least one.
    /// Where an earlier commit of the same push edits the same file, `from` is the blob before the earlier edit, and `bytes`
    /// are the content after both edits.
    pub edits: Vec<FileEdit>,
    /// The message with its trailers.
    pub message: String,
    /// Who asked for the commit; `None`: the author of the agent's commits, who is the committer of every commit.
    pub author: Option<Author>,
    /// The author and committer time. The time of a commit is never before the time of its parent.
    pub time: jiff::Timestamp,
}

/// The outcome of a push. Only `Landed` means that the branch has the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushOutcome {
    /// The tip of the branch is this commit, the last commit of the push.
    Landed(CommitId),
    /// Another push moved the branch first. The caller fetches and decides again.
    Lost,
    /// The server refused the push with this message (hook, branch protection). The caller waits before the next try.
    Refused(String),
    /// The deploy key may read and not write. The text is the message of the server.
    ReadOnly(String),
}

/// The newest commit of a branch that may be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedHead {
    /// The tip, or the newest commit before the tip (by first parents) that may be applied. `None` if no commit may.
    pub commit: Option<CommitId>,
    /// Why the tip may not be applied; `None` if the tip may.
    pub problem: Option<String>,
}

/// The kind of a failure of the repository. It is the label of the metric and selects the remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RepoProblem {
    /// The server cannot be reached, or did not answer in time.
    Unreachable,
    /// The server rejects the key or the login.
    KeyRefused,
    /// The server's host key is not in known_hosts, or its certificate is not trusted.
    UnknownHostKey,
    /// The server's host key differs from the host key in known_hosts.
    ChangedHostKey,
    /// The repository does not exist, or the key has no access to it.
    NoRepository,
    /// The repository does not have the branch.
    NoBranch,
    /// Any other failure.
    Other,
}

/// An operation on the repository failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct RepoFailure {
    /// The kind of the failure.
    pub problem: RepoProblem,
    /// What failed, where and what to do, for people.
    pub message: String,
}

/// The config repo: one branch of one repository. The repository is mirrored locally and written by compare-and-swap.
pub trait ConfigRepo: Send + Sync + 'static {
    /// Asks the server for the tip of the branch, and fetches the objects that the mirror does not have.
    fn fetch(&self) -> impl Future<Output = Result<CommitId, RepoFailure>> + Send;

    /// What a commit has below any of `paths` (everything, if empty): the regular files, and the entries that are not read.
    fn files(
        &self,
        commit: CommitId,
        paths: Vec<RepoPath>,
    ) -> impl Future<Output = Result<TreeListing, RepoFailure>> + Send;

    /// The regular files whose content differs between two commits, ordered by path. `None` where a list of files does not
    /// say all that differs, or costs much, so that all files have to be looked at.
    fn changes(
        &self,
        from: CommitId,
        to: CommitId,
    ) -> impl Future<Output = Result<Option<Vec<FileChange>>, RepoFailure>> + Send {
        let _ = (from, to);
        async { Ok(None) }
    }

    /// The contents of blobs, in the order of `ids`. `None` for a blob that is larger than `limit` bytes.
    fn blobs(
        &self,
        ids: Vec<BlobId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Option<Vec<u8>>>, RepoFailure>> + Send;

    /// The history from `tip` back, newest first in topological order (a child before its parents): at most `limit` commits,
    /// and without `until` and its ancestors if `until` is given.
    fn history(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<HistoryCommit>, RepoFailure>> + Send;

    /// The ids of the commits that [`Self::history`] reads, in the same order. A long history is read from them in parts.
    fn history_ids(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<CommitId>, RepoFailure>> + Send {
        async move {
            let commits = self.history(tip, until, limit).await?;
            Ok(commits.iter().map(|commit| commit.id).collect())
        }
    }

    /// The first of these commits, at least one: as many as fit into memory. Of the files, only those that are read from the
    /// repository need to be among the changes.
    fn commits(&self, ids: Vec<CommitId>) -> impl Future<Output = Result<Vec<HistoryCommit>, RepoFailure>> + Send {
        async move {
            let mut found = Vec::new();
            for id in ids {
                let commits = self.history(id, None, usize::MAX).await?;
                found.extend(commits.into_iter().find(|commit| commit.id == id));
            }
            Ok(found)
        }
    }

    /// Whether `ancestor` is `descendant` or one of its ancestors; false if `ancestor` is unknown.
    fn is_ancestor(
        &self,
        ancestor: CommitId,
        descendant: CommitId,
    ) -> impl Future<Output = Result<bool, RepoFailure>> + Send;

    /// The newest commit that may be applied while the branch has this tip. Without a check of signatures that commit is the
    /// tip.
    fn verified_head(&self, tip: CommitId) -> impl Future<Output = Result<VerifiedHead, RepoFailure>> + Send {
        std::future::ready(Ok(VerifiedHead {
            commit: Some(tip),
            problem: None,
        }))
    }

    /// Fetches the rest of the history, so that [`Self::history`] goes back to the first commit. True if commits were fetched:
    /// the caller reads the history again. A repository that always has its whole history does nothing.
    fn unshallow(&self) -> impl Future<Output = Result<bool, RepoFailure>> + Send {
        async { Ok(false) }
    }

    /// Whether [`Self::history`] goes back to the first commit. True for a repository that always has its whole history.
    fn is_whole(&self) -> impl Future<Output = Result<bool, RepoFailure>> + Send {
        async { Ok(true) }
    }

    /// What [`Self::keep_checkpoint`] kept last, in this process or an earlier one, if the repository still is the one that it
    /// was kept for. A cache: there may be nothing at any time.
    fn checkpoint(&self) -> impl Future<Output = Option<Vec<u8>>> + Send {
        async { None }
    }

    /// Keeps what was read of the history, in place of what was kept before. Nobody learns of a failure: the next process reads
    /// the history again.
    fn keep_checkpoint(&self, _bytes: Vec<u8>) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Makes the commits in the object database, the first on its `parent` and each further commit on the commit before.
    /// Pushes all commits at once with compare-and-swap: the branch moves only if its tip still is `parent`. If the answer of
    /// the server is lost, the remote ref decides about the outcome. A check ensures that only planned blobs differ.
    fn commit_and_push(&self, commits: Vec<NewCommit>)
    -> impl Future<Output = Result<PushOutcome, RepoFailure>> + Send;
}

/// Branches for proposals, apart from the followed branch. Only the agent writes to them: each push replaces the whole
/// branch, and only if the branch still points to the commit that the agent saw last.
pub trait ProposalBranches: Send + Sync + 'static {
    /// Asks the server for the tip of the branch. Fetches the history of the tip down to the commit where it leaves the history
    /// of `above`. `None` if the branch does not exist.
    fn branch_head(
        &self,
        branch: BranchName,
        above: CommitId,
    ) -> impl Future<Output = Result<Option<CommitId>, RepoFailure>> + Send;

    /// Makes the commits, the first on its parent (any commit of the repository) and each further commit on the commit
    /// before. Points the branch to the last commit if the branch still points to `seen`. If the last commit is `seen`, nothing
    /// is pushed. If the answer of the server is lost, the remote ref decides about the outcome.
    fn replace_branch(
        &self,
        branch: BranchName,
        seen: Option<CommitId>,
        commits: Vec<NewCommit>,
    ) -> impl Future<Output = Result<PushOutcome, RepoFailure>> + Send;

    /// Removes the branch if it still points to `seen`.
    fn remove_branch(
        &self,
        branch: BranchName,
        seen: CommitId,
    ) -> impl Future<Output = Result<PushOutcome, RepoFailure>> + Send;
}
