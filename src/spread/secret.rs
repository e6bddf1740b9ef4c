use crate::model::SecretBytes;
use crate::resource::ResourceVersion;
use std::collections::BTreeMap;

/// A Secret as it is in the cluster.
#[derive(Clone)]
pub struct LiveSecret {
    /// The UID.
    pub uid: String,
    /// The version that a write must find.
    pub version: ResourceVersion,
    /// The type.
    pub type_name: String,
    /// Whether the server refuses changes of the data.
    pub is_immutable: bool,
    /// Whether the Secret has an owner or a finalizer: somebody else decides when it goes.
    pub is_owned: bool,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The annotations.
    pub annotations: BTreeMap<String, String>,
    /// The data, decoded.
    pub data: BTreeMap<String, SecretBytes>,
}

/// A change of a Secret: what is not named stays as it is. `None` takes the key away.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretPatch {
    /// The labels that change.
    pub labels: BTreeMap<String, Option<String>>,
    /// The annotations that change.
    pub annotations: BTreeMap<String, Option<String>>,
    /// The entries that change.
    pub data: BTreeMap<String, Option<SecretBytes>>,
}
