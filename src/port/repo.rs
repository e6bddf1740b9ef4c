use crate::model::{BlobId, BranchName, CommitId, RepoPath};
use std::future::Future;

/// A regular file in a commit's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Where.
    pub path: RepoPath,
    /// Its content's id.
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
}

/// A commit as the hold analysis wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryCommit {
    /// Its id.
    pub id: CommitId,
    /// Its parents, first parent first.
    pub parents: Vec<CommitId>,
    /// The author, `Name <address>`.
    pub author: String,
    /// Committer time.
    pub committed_at: jiff::Timestamp,
    /// The whole message, lossily decoded.
    pub message: String,
    /// The files whose content differs from that in the first parent, ordered by path; a root commit's are all its files.
    /// Of the oldest commit of a history that is known in part they are not known, and none are told; nor are its parents.
    pub changes: Vec<FileChange>,
    /// The same for each further parent of a merge.
    pub merged: Vec<Vec<FileChange>>,
}

/// A file that differs between a commit and one of its parents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Where. A rename is a removal and an addition.
    pub path: RepoPath,
    /// Its content in the parent; `None` if it was not there.
    pub before: Option<BlobId>,
    /// Its content in the commit; `None` if it is gone.
    pub after: Option<BlobId>,
}

/// A file's new bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEdit {
    /// An existing regular file; its mode is kept.
    pub path: RepoPath,
    /// The blob the edit was made on: another one there refuses the commit.
    pub from: BlobId,
    /// The new content.
    pub bytes: Vec<u8>,
}

/// A commit to be made and pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommit {
    /// The tip that the plan was made on: the one parent, but for a commit that follows another one in the same push.
    pub parent: CommitId,
    /// At least one, but for a message that lifts a hold by its trailers. A file that an earlier commit of the same push edits is named with its content before that one, and
    /// its new bytes are those after both.
    pub edits: Vec<FileEdit>,
    /// The message, trailers included.
    pub message: String,
    /// Author and committer time. The commit gets the time of its parent if the parent is newer.
    pub time: jiff::Timestamp,
}

/// What became of a push. Only `Landed` means that the branch has the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushOutcome {
    /// The branch's tip is this commit, the last of those that were pushed.
    Landed(CommitId),
    /// Somebody else moved the branch first: fetch, decide again.
    Lost,
    /// The server refused it in these words (hook, branch protection). Not to be retried in a storm.
    Refused(String),
    /// The deploy key may read but not write.
    ReadOnly(String),
}

/// What of a branch may be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedHead {
    /// The tip, or the newest commit before it (by first parents) that may; `None` if there is none.
    pub commit: Option<CommitId>,
    /// Why the tip may not, if so.
    pub problem: Option<String>,
}

/// What kind of trouble the repository is in; the label of metrics and the key of the remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RepoProblem {
    /// No connection, or none in time.
    Unreachable,
    /// The server does not take our key or login.
    KeyRefused,
    /// The server's host key is not in known_hosts, or its certificate is not trusted.
    UnknownHostKey,
    /// The server's host key is another than the one known.
    ChangedHostKey,
    /// No such repository, or not for this key.
    NoRepository,
    /// The repository has no such branch.
    NoBranch,
    /// Anything else.
    Other,
}

/// An operation on the repository failed. The message says what, where and what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct RepoFailure {
    /// The kind.
    pub problem: RepoProblem,
    /// For people.
    pub message: String,
}

/// The config repo: one branch of one repository, mirrored locally, written by compare-and-swap.
pub trait ConfigRepo: Send + Sync + 'static {
    /// Asks the server for the branch's tip and fetches what is missing.
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

    /// Contents of blobs, in the order asked for; `None` for one larger than `limit` bytes.
    fn blobs(
        &self,
        ids: Vec<BlobId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Option<Vec<u8>>>, RepoFailure>> + Send;

    /// The history from `tip` back, newest first in topological order (a child before its parents), at most
    /// `limit` commits, without `until` and its ancestors where given.
    fn history(
        &self,
        tip: CommitId,
        until: Option<CommitId>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<HistoryCommit>, RepoFailure>> + Send;

    /// Whether `ancestor` is `descendant` or one of its ancestors; false when `ancestor` is unknown.
    fn is_ancestor(
        &self,
        ancestor: CommitId,
        descendant: CommitId,
    ) -> impl Future<Output = Result<bool, RepoFailure>> + Send;

    /// What of the branch with this tip may be applied: the tip, unless signatures are asked for.
    fn verified_head(&self, tip: CommitId) -> impl Future<Output = Result<VerifiedHead, RepoFailure>> + Send {
        std::future::ready(Ok(VerifiedHead {
            commit: Some(tip),
            problem: None,
        }))
    }

    /// Sees to it that [`Self::history`] goes back to the beginning. True if more had to be fetched: what was read of the
    /// history before is not all that is known now. For a repository that always has its whole history there is nothing to do.
    fn unshallow(&self) -> impl Future<Output = Result<bool, RepoFailure>> + Send {
        async { Ok(false) }
    }

    /// Makes the commits in the object database, the first on its `parent` and each further one on the one before, and
    /// pushes them at once with compare-and-swap: the branch moves only if its tip still is `parent`. After any doubt the
    /// remote ref decides. Only planned blobs differ (checked).
    fn commit_and_push(&self, commits: Vec<NewCommit>)
    -> impl Future<Output = Result<PushOutcome, RepoFailure>> + Send;
}

/// Branches beside the followed one, which nobody but us writes: what stands there is replaced as a whole, under the lease
/// of what was seen.
pub trait ProposalBranches: Send + Sync + 'static {
    /// Asks the server for the branch's tip and fetches its history, as far as to where it leaves that of `above`; `None` if
    /// there is no such branch.
    fn branch_head(
        &self,
        branch: BranchName,
        above: CommitId,
    ) -> impl Future<Output = Result<Option<CommitId>, RepoFailure>> + Send;

    /// Makes the commits, the first on its parent (which need not be on the side branch) and each further one on the one
    /// before, and has the branch point at the last, if it still is what was `seen`. Where that is the very commit already,
    /// nothing is pushed. After any doubt the remote ref decides.
    fn replace_branch(
        &self,
        branch: BranchName,
        seen: Option<CommitId>,
        commits: Vec<NewCommit>,
    ) -> impl Future<Output = Result<PushOutcome, RepoFailure>> + Send;

    /// Removes the branch, if it still is what was `seen`.
    fn remove_branch(
        &self,
        branch: BranchName,
        seen: CommitId,
    ) -> impl Future<Output = Result<PushOutcome, RepoFailure>> + Send;
}
