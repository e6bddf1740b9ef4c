use crate::model::{CommitId, Finding};
use crate::port::RepoProblem;

/// What the agent reports about the config repo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepoEvent {
    /// The branch's head moved.
    HeadMoved {
        /// The new head.
        commit: CommitId,
    },
    /// Condition: the branch cannot be fetched.
    FetchFailed {
        /// The kind of problem. Another kind is news, another message of the same kind is not.
        problem: RepoProblem,
        /// What failed, where and what to do.
        message: String,
    },
    /// Condition: something at the branch's head cannot be used.
    Finding(Finding),
    /// Condition: the branch's head is not applied because its signature does not count.
    HeadNotVerified {
        /// What failed, where and what to do.
        message: String,
        /// The newest commit that may be applied.
        verified: Option<CommitId>,
    },
    /// After the first fetch: the repository looks like another one than the configuration means.
    Doubtful {
        /// The address.
        repo: String,
        /// The branch's head.
        commit: CommitId,
        /// How many files are read.
        files: usize,
        /// The entries of `repo.paths` that the repository does not have, with commas between them.
        missing: String,
        /// The names at the repository's top, with commas between them.
        existing: String,
        /// For people: what is doubtful, and what to check.
        message: String,
    },
    /// After the first fetch: the branch contains the commit that was applied last, or nothing was applied before.
    Recognised {
        /// The address.
        repo: String,
        /// The branch's head.
        commit: CommitId,
        /// How many objects the head declares.
        objects: usize,
        /// How many files are read.
        files: usize,
        /// Whether a commit was applied before.
        is_known: bool,
    },
    /// After the first fetch: the branch does not contain the commit that was applied last.
    HistoryReplaced {
        /// The address.
        repo: String,
        /// The branch's head.
        commit: CommitId,
        /// How many objects the head declares.
        objects: usize,
        /// The commit that was applied last.
        last: CommitId,
    },
}

impl RepoEvent {
    pub(super) fn identity(&self) -> String {
        match self {
            Self::Finding(finding) => finding.to_string(),
            _ => String::new(),
        }
    }

    pub(super) fn version(&self) -> String {
        match self {
            Self::FetchFailed { problem, .. } => format!("{problem:?}"),
            Self::HeadNotVerified { message, .. } => message.clone(),
            Self::HeadMoved { .. }
            | Self::Finding(_)
            | Self::Doubtful { .. }
            | Self::Recognised { .. }
            | Self::HistoryReplaced { .. } => String::new(),
        }
    }
}
