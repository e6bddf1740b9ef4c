use serde::{Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// The name of a target: a cluster that some paths of the config repo are applied to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId(Arc<str>);

impl TargetId {
    /// A target with this name.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The cluster that the agent runs in.
    pub fn here() -> Self {
        Self::new("here")
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for TargetId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
