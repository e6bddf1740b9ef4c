use std::fmt;

/// A ConfigMap or Secret with values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceObject {
    /// Whether it is a Secret.
    pub is_secret: bool,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

/// A key of a ConfigMap or Secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceKey {
    /// The ConfigMap or Secret.
    pub object: SourceObject,
    /// The key.
    pub key: String,
}

/// Where values of a release come from, besides the HelmRelease itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValuesSource {
    /// A key of a ConfigMap or Secret.
    Key {
        /// The key.
        key: SourceKey,
        /// Whether the release does without.
        optional: bool,
    },
    /// A file in the folder of the chart.
    ChartFile {
        /// The path in the folder of the chart.
        path: String,
        /// Whether the release does without.
        optional: bool,
    },
}

impl ValuesSource {
    /// Whether the release does without this source.
    pub fn is_optional(&self) -> bool {
        match self {
            Self::Key { optional, .. } | Self::ChartFile { optional, .. } => *optional,
        }
    }

    /// The key, if the source is in the cluster.
    pub fn key(&self) -> Option<&SourceKey> {
        match self {
            Self::Key { key, .. } => Some(key),
            Self::ChartFile { .. } => None,
        }
    }
}

impl fmt::Display for SourceObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_secret { "Secret" } else { "ConfigMap" };
        write!(f, "{kind} {}/{}", self.namespace, self.name)
    }
}

impl fmt::Display for ValuesSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key { key, .. } => write!(f, "key {} of {}", key.key, key.object),
            Self::ChartFile { path, .. } => write!(f, "file {path} of the chart"),
        }
    }
}
