use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use std::fmt;

/// On each member: the id of its set. Names and meanings as KEP-3659 (ApplySet) gives them.
pub const PART_OF_LABEL: &str = "applyset.kubernetes.io/part-of";
/// On the parent: the id of the set.
pub const ID_LABEL: &str = "applyset.kubernetes.io/id";
/// On the parent: the kinds that members may have, `Deployment.apps,Service`.
pub const GROUP_KINDS_ANNOTATION: &str = "applyset.kubernetes.io/contains-group-kinds";
/// On the parent: who manages the set.
pub const TOOLING_ANNOTATION: &str = "applyset.kubernetes.io/tooling";

/// Where a set's record (its ApplySet parent, a ConfigMap) stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetName {
    /// The agent's own namespace.
    pub namespace: String,
    /// The ConfigMap's name.
    pub name: String,
}

/// The id of a set, derived from its parent as KEP-3659 prescribes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(String);

impl SetName {
    /// The set's id.
    pub fn id(&self) -> SetId {
        let digest = Sha256::digest(format!("{}.{}.ConfigMap.", self.name, self.namespace));
        SetId(format!("applyset-{}-v1", BASE64_URL_SAFE_NO_PAD.encode(digest)))
    }
}

impl SetId {
    /// The label's value.
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
