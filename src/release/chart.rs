use crate::model::RepoPath;
use std::fmt;

/// Where the chart of a release is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chart {
    /// A folder of the config repo, at the commit that the cluster is at.
    Folder(RepoPath),
    /// A version in a chart repository or an OCI registry.
    Remote(RemoteChart),
}

/// A version of a chart that helm fetches. A version does not change once it is published, so that its name says what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteChart {
    /// The address: `https://`, `http://` or `oci://`.
    pub repository: String,
    /// The name of the chart.
    pub name: String,
    /// The exact version.
    pub version: String,
}

impl RemoteChart {
    /// Whether the chart is in an OCI registry.
    pub fn is_oci(&self) -> bool {
        self.repository.starts_with("oci://")
    }
}

impl fmt::Display for RemoteChart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chart {} {} of {}", self.name, self.version, self.repository)
    }
}

impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "folder {path} of the config repo"),
            Self::Remote(chart) => chart.fmt(f),
        }
    }
}
