use crate::model::RepoPath;
use std::fmt;

/// Where the chart of a release is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chart {
    /// A folder of the config repo, at the commit that the cluster is at.
    Folder(RepoPath),
}

impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "folder {path} of the config repo"),
        }
    }
}
