use super::error::Error;
use super::known_hosts::KnownHosts;
use super::list_file;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::SystemTime;

/// Where the trusted host keys come from.
#[derive(Clone, Debug)]
pub enum HostKeys {
    /// A list that was read before.
    Given(KnownHosts),
    /// A file, read again for each connection, so that a change needs no restart.
    File(PathBuf),
}

/// Identity, size and time of a file. Two equal stamps mean that the file has not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileStamp {
    inode: u64,
    length: u64,
    modified: SystemTime,
}

impl HostKeys {
    /// The file as it is now; `None` for a given list, or if there is no such file.
    pub(crate) fn stamp(&self) -> Option<FileStamp> {
        let Self::File(path) = self else { return None };
        let file = std::fs::metadata(path).ok()?;
        Some(FileStamp {
            inode: file.ino(),
            length: file.len(),
            modified: file.modified().ok()?,
        })
    }

    /// The list as it is now.
    pub(crate) fn read(&self) -> Result<KnownHosts, Error> {
        match self {
            Self::Given(known) => Ok(known.clone()),
            Self::File(path) => KnownHosts::parse(&list_file::read(path)?).map_err(|cause| Error::KnownHosts {
                path: path.clone(),
                cause,
            }),
        }
    }
}
