use crate::port::{ClusterFailure, KeyFailure, SecretName};
use std::path::PathBuf;

/// A key cannot be read, made or replaced.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The Secret cannot be read, or a first key cannot be written.
    #[error("the key in {secret} cannot be read or made")]
    Secret {
        /// The Secret.
        secret: SecretName,
        /// The cause.
        #[source]
        source: ClusterFailure,
    },
    /// A step of a rotation cannot be written.
    #[error(transparent)]
    Cluster(#[from] ClusterFailure),
    /// An entry of the Secret is not a usable key.
    #[error("{secret}")]
    Entry {
        /// The Secret.
        secret: SecretName,
        /// The cause.
        #[source]
        source: KeyFailure,
    },
    /// A key cannot be read from its file, or cannot be made.
    #[error(transparent)]
    Key(#[from] KeyFailure),
    /// There is no deploy key, and this command does not make one.
    #[error("there is no deploy key in {location}; `tidegate identity` makes one")]
    NoDeployKey {
        /// The file, or the Secret and its entry.
        location: String,
    },
    /// There is no signing key.
    #[error("there is no signing key in {location}; put a key there, since tidegate never makes one")]
    NoSigningKey {
        /// The file, or the Secret and its entry.
        location: String,
    },
    /// There is no deploy key to rotate.
    #[error("{secret} has no deploy key to replace; `tidegate identity` makes the first key")]
    NothingToRotate {
        /// The Secret.
        secret: SecretName,
    },
    /// A running agent finds that its key was removed.
    #[error("{secret} no longer has a deploy key; restore the key, or restart the agent, which then makes a new key")]
    Removed {
        /// The Secret.
        secret: SecretName,
    },
    /// Somebody else changed the Secret at the same time.
    #[error("another process or person changed {secret} at the same time; try again")]
    Changed {
        /// The Secret.
        secret: SecretName,
    },
    /// The deploy key is in a file, which the agent does not change.
    #[error(
        "the deploy key is in the file {path}, and the agent does not change this file. To replace the key without an \
         interruption: make a new key (ssh-keygen -t ed25519 -N '' -f new), add new.pub to the repository with write access, \
         then replace the file by the new key (if the file is mounted from a Secret, replace the key in the Secret). The agent \
         reads the new key within a minute, or at once when the git server rejects the old key. Then remove the old key at \
         the forge"
    )]
    InFile {
        /// The file.
        path: PathBuf,
    },
    /// The next key cannot take over yet.
    #[error("the next key {next} does not work yet, so nothing was changed and {current} stays in use: {reason}")]
    NotReady {
        /// The next key's fingerprint.
        next: String,
        /// The fingerprint of the key in use.
        current: String,
        /// What is missing, and what to do.
        reason: String,
    },
    /// The thread that makes a key ended early.
    #[error("cannot make a new key: its thread ended early")]
    Thread(#[from] tokio::task::JoinError),
}

impl Error {
    /// Whether the API server is away: nothing is known about the key.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Secret { source, .. } | Self::Cluster(source) => source.is_outage(),
            _ => false,
        }
    }
}
