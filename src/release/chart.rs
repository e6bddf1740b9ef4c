use super::sources::{SourceKey, SourceObject};
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

/// A version of a chart of a chart repository or registry. A version does not change once it is published, so that its name says
/// what it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RemoteChart {
    /// The address: `https://`, `http://` or `oci://`.
    pub repository: String,
    /// The name of the chart.
    pub name: String,
    /// The exact version, or a range of versions.
    pub version: String,
    /// The Secret with the login.
    pub secret: Option<SourceObject>,
}

/// The keys of a Secret with a login.
const USER: &str = "username";
const PASSWORD: &str = "password";

/// Whether a text is one version, as Helm reads it.
pub(super) fn is_exact(version: &str) -> bool {
    semver::Version::parse(version.strip_prefix('v').unwrap_or(version)).is_ok()
}

impl RemoteChart {
    /// Whether the chart is in an OCI registry.
    pub fn is_oci(&self) -> bool {
        self.repository.starts_with("oci://")
    }

    /// Whether the version names one version, and not a range.
    pub fn is_exact(&self) -> bool {
        is_exact(&self.version)
    }

    /// The same chart in this version.
    #[must_use = "the returned chart has the version"]
    pub fn at(&self, version: &str) -> Self {
        Self {
            version: version.to_owned(),
            ..self.clone()
        }
    }

    /// Where user and password are.
    pub fn login_keys(&self) -> Option<[SourceKey; 2]> {
        let object = self.secret.as_ref()?;
        Some([USER, PASSWORD].map(|key| SourceKey {
            object: object.clone(),
            key: key.to_owned(),
        }))
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
