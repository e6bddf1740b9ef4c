use super::allowed_signers::InvalidAllowedSigners;
use super::known_hosts::InvalidKnownHosts;
use std::io;
use std::path::PathBuf;

/// A file of trusted keys cannot be used. The message contains its cause, since several callers print no sources.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}: {cause}", .path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error("{} is larger than {} MiB", .path.display(), .limit >> 20)]
    TooLarge { path: PathBuf, limit: u64 },
    #[error("{}: {cause}", .path.display())]
    KnownHosts { path: PathBuf, cause: InvalidKnownHosts },
    #[error("{}: {cause}", .path.display())]
    AllowedSigners {
        path: PathBuf,
        cause: InvalidAllowedSigners,
    },
}
