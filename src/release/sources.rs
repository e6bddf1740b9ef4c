use std::fmt;

/// Where values of a release come from, besides the HelmRelease itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValuesSource {
    /// A key of a ConfigMap.
    ConfigMap {
        /// The ConfigMap's namespace.
        namespace: String,
        /// The ConfigMap's name.
        name: String,
        /// The key.
        key: String,
        /// Whether the release does without.
        optional: bool,
    },
    /// A key of a Secret.
    Secret {
        /// The Secret's namespace.
        namespace: String,
        /// The Secret's name.
        name: String,
        /// The key.
        key: String,
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
            Self::ConfigMap { optional, .. } | Self::Secret { optional, .. } | Self::ChartFile { optional, .. } => {
                *optional
            }
        }
    }
}

impl fmt::Display for ValuesSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConfigMap {
                namespace, name, key, ..
            } => write!(f, "key {key} of ConfigMap {namespace}/{name}"),
            Self::Secret {
                namespace, name, key, ..
            } => write!(f, "key {key} of Secret {namespace}/{name}"),
            Self::ChartFile { path, .. } => write!(f, "file {path} of the chart"),
        }
    }
}
