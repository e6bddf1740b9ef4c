use super::libgit2_error::Libgit2Error;
use super::protocol::branch_tip::NoBranch;
use super::{mirror, objects, transport};
use crate::model::with_causes;
use crate::port::{RepoFailure, RepoProblem};
use crate::telemetry::redacted;
use std::io;

/// The errors of this room's folders, joined for the port.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Mirror(#[from] mirror::error::Error),
    #[error(transparent)]
    Objects(#[from] objects::error::Error),
    #[error(transparent)]
    Transport(#[from] transport::error::Error),
    #[error(transparent)]
    NoBranch(#[from] NoBranch),
    #[error(transparent)]
    Libgit2(#[from] Libgit2Error),
    #[error("cannot start the repository's threads")]
    Thread(#[source] io::Error),
    /// The thread that owns the mirror has ended.
    #[error("the repository's worker has ended; {reason}")]
    Ended { reason: String },
    /// The thread that owns the mirror hangs.
    #[error("the repository's worker hangs ({reason}); the liveness probe fails until it goes on")]
    Stuck { reason: String },
    /// The repository was opened outside of an async runtime.
    #[error("there is no async runtime to connect on")]
    NoRuntime,
}

impl Error {
    fn problem(&self) -> RepoProblem {
        match self {
            Self::Mirror(error) => error.problem(),
            Self::Transport(error) => error.problem(),
            Self::NoBranch(_) => RepoProblem::NoBranch,
            Self::Objects(_)
            | Self::Libgit2(_)
            | Self::Thread(_)
            | Self::Ended { .. }
            | Self::Stuck { .. }
            | Self::NoRuntime => RepoProblem::Other,
        }
    }
}

impl From<Error> for RepoFailure {
    fn from(error: Error) -> Self {
        Self {
            problem: error.problem(),
            message: redacted(&with_causes(&error)),
        }
    }
}
