use crate::git::libgit2_error::Libgit2Error;
use crate::git::protocol::branch_tip::NoBranch;
use crate::git::{objects, transport};
use crate::port::RepoProblem;
use std::io;
use std::path::PathBuf;

/// The mirror cannot be read, fetched or pushed from.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the mirror's folder {path} cannot be used")]
    Dir {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "the disk with the mirror's folder {path} is full; give stateDir more room, or set repo.depth to fetch less"
    )]
    Full {
        path: PathBuf,
        #[source]
        source: git2::Error,
    },
    #[error("the mirror's folder {path} cannot be written; stateDir must be a folder that the agent may write")]
    Unwritable {
        path: PathBuf,
        #[source]
        source: git2::Error,
    },
    /// Nothing was fetched yet, or the mirror was deleted.
    #[error("there is no mirror of {url} yet; the next fetch makes it")]
    NotFetched { url: String },
    #[error(transparent)]
    NoBranch(#[from] NoBranch),
    /// The outcome of a push could not be read from the branch.
    #[error("the push to {url} was cut off and its outcome is not known; the next fetch will show it")]
    OutcomeUnknown {
        url: String,
        #[source]
        source: Box<Error>,
    },
    /// The push was cut off before the server moved the branch.
    #[error("the push to {url} was cut off; the branch has not moved, and the next pass pushes again")]
    CutOff {
        url: String,
        #[source]
        source: transport::error::Error,
    },
    #[error(transparent)]
    Transport(#[from] transport::error::Error),
    #[error(transparent)]
    Objects(#[from] objects::error::Error),
    #[error(transparent)]
    Libgit2(#[from] Libgit2Error),
}

impl Error {
    /// The kind of problem, for metrics and remedies.
    pub(crate) fn problem(&self) -> RepoProblem {
        match self {
            Self::NoBranch(_) => RepoProblem::NoBranch,
            Self::OutcomeUnknown { source, .. } => source.problem(),
            Self::CutOff { source, .. } | Self::Transport(source) => source.problem(),
            Self::Dir { .. }
            | Self::Full { .. }
            | Self::Unwritable { .. }
            | Self::NotFetched { .. }
            | Self::Objects(_)
            | Self::Libgit2(_) => RepoProblem::Other,
        }
    }

    /// Whether the mirror itself may be the cause, so that fetching it anew may help.
    pub(crate) fn is_damage(&self) -> bool {
        self.libgit2().is_some_and(Libgit2Error::is_damage)
    }

    /// Whether the disk is full.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. }) || self.libgit2().is_some_and(Libgit2Error::is_full)
    }

    /// Whether the server sends an object that is too large, which a fetch of less history may leave out.
    pub(crate) fn is_huge_object(&self) -> bool {
        matches!(self, Self::Transport(transport::error::Error::HugeObject { .. }))
    }

    pub(crate) fn is_missing_commit(&self) -> bool {
        matches!(self, Self::Objects(objects::error::Error::NoCommit { .. }))
    }

    /// Adds the folder to an error of the disk. Leaves other errors as they are.
    pub(crate) fn with_path(self, path: PathBuf) -> Self {
        let (is_full, is_unwritable) = match self.libgit2() {
            Some(error) => (error.is_full(), error.is_unwritable()),
            None => return self,
        };
        match self {
            Self::Libgit2(error)
            | Self::Objects(objects::error::Error::Libgit2(error))
            | Self::Transport(transport::error::Error::Libgit2(error))
                if is_full || is_unwritable =>
            {
                let source = error.into_source();
                if is_full {
                    Self::Full { path, source }
                } else {
                    Self::Unwritable { path, source }
                }
            }
            other => other,
        }
    }

    fn libgit2(&self) -> Option<&Libgit2Error> {
        match self {
            Self::Libgit2(error)
            | Self::Objects(objects::error::Error::Libgit2(error))
            | Self::Transport(transport::error::Error::Libgit2(error)) => Some(error),
            _ => None,
        }
    }
}
