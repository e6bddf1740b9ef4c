use crate::git::budget::Exhausted;
use crate::git::libgit2_error::Libgit2Error;
use crate::git::trust;
use crate::model::CommitId;

/// An object cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("commit {commit} is not in the mirror of {repository}; its branch may have been reset")]
    NoCommit {
        commit: CommitId,
        /// The repository's address or folder.
        repository: String,
    },
    /// The commit cannot be made as planned, or the finished commit is not the planned one.
    #[error("the commit was not made: {rule}")]
    Plan { rule: String },
    #[error("the commit cannot be signed with the key of automation.signing")]
    Signing(#[source] ssh_key::Error),
    #[error("repo.verify.allowedSigners cannot be used")]
    AllowedSigners(#[source] trust::Error),
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    #[error(transparent)]
    Libgit2(#[from] Libgit2Error),
}

impl Error {
    pub(crate) fn plan(rule: impl Into<String>) -> Self {
        Self::Plan { rule: rule.into() }
    }
}
