use super::allowed_signers::AllowedSigners;
use super::error::Error;
use super::list_file;
use std::path::PathBuf;

/// Where the allowed signers come from.
#[derive(Clone, Debug)]
pub enum Signers {
    /// A list that was read before.
    Given(AllowedSigners),
    /// A file, read again for each use, so that a change needs no restart.
    File(PathBuf),
}

impl Signers {
    /// The list as it is now.
    pub(crate) fn read(&self) -> Result<AllowedSigners, Error> {
        match self {
            Self::Given(allowed) => Ok(allowed.clone()),
            Self::File(path) => AllowedSigners::parse(&list_file::read(path)?).map_err(|cause| Error::AllowedSigners {
                path: path.clone(),
                cause,
            }),
        }
    }
}
