use crate::model::ObjectId;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::fmt;

/// The label of each member: the id of its set. KEP-3659 (ApplySet) defines these names and their meaning.
pub const PART_OF_LABEL: &str = "applyset.kubernetes.io/part-of";
/// The label of the parent: the id of the set.
pub const ID_LABEL: &str = "applyset.kubernetes.io/id";
/// The annotation of the parent that lists the kinds that members may have: `Deployment.apps,Service`.
pub const GROUP_KINDS_ANNOTATION: &str = "applyset.kubernetes.io/contains-group-kinds";
/// The annotation of the parent that names the tool that manages the set.
pub const TOOLING_ANNOTATION: &str = "applyset.kubernetes.io/tooling";

/// The namespace and name of a set's record (its ApplySet parent, a ConfigMap).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetName {
    /// The ConfigMap's namespace.
    pub namespace: String,
    /// The ConfigMap's name.
    pub name: String,
}

/// The id of a set. It derives from the parent's name and namespace, as KEP-3659 prescribes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(String);

impl SetName {
    /// The record as an object of the cluster that it is kept in.
    pub fn object(&self) -> ObjectId {
        ObjectId::new("v1", "ConfigMap", Some(&self.namespace), &self.name)
    }

    /// A part of what is kept of the agent's applies, next to the record.
    pub fn marks(&self, part: usize) -> ObjectId {
        ObjectId::new(
            "v1",
            "ConfigMap",
            Some(&self.namespace),
            &format!("{}-applied-{part:x}", self.name),
        )
    }

    /// The id of the set with this parent.
    pub fn id(&self) -> SetId {
        let digest = Sha256::digest(format!("{}.{}.ConfigMap.", self.name, self.namespace));
        SetId(format!("applyset-{}-v1", BASE64_URL_SAFE_NO_PAD.encode(digest)))
    }
}

impl SetId {
    /// The id, as the label's value.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_fits_a_label_and_differs_by_name_and_namespace() {
        let id = |namespace: &str, name: &str| {
            SetName {
                namespace: namespace.into(),
                name: name.into(),
            }
            .id()
        };
        let one = id("tidegate", "here");
        assert!(one.as_str().len() <= 63 && one.as_str().starts_with("applyset-") && one.as_str().ends_with("-v1"));
        assert_eq!(one, id("tidegate", "here"));
        assert_ne!(one, id("tidegate", "there"));
        assert_ne!(one, id("other", "here"));
    }
}
