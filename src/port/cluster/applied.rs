use crate::resource::{Fingerprint, ResourceVersion};

/// The object as an apply left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The object's UID.
    pub uid: String,
    /// The resource version after the apply.
    pub version: ResourceVersion,
    /// The generation of the object, if its kind has generations.
    pub generation: Option<i64>,
    /// The agent's ownership fingerprint after the apply.
    pub fingerprint: Option<Fingerprint>,
    /// Whether the agent owns `spec.replicas`.
    pub owns_replicas: bool,
    /// Whether the apply created the object.
    pub created: bool,
}
