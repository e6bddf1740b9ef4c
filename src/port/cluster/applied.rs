use crate::resource::{Fingerprint, ObservedObject, ResourceVersion, is_other_content};

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

impl Applied {
    /// Whether the object is as the apply left it. What another process of the agent wrote within the same second looks alike, but
    /// for its version.
    pub(super) fn left(&self, object: &ObservedObject) -> bool {
        let is_other = is_other_content((self.generation, &self.version), (object.generation, &object.version));
        if is_other && !object.has_later_writer {
            return false;
        }
        self.fingerprint.is_some()
            && self.uid == object.uid
            && self.fingerprint == object.fingerprint
            && self.generation == object.generation
    }
}
