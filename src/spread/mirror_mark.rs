use super::mirror_ask::{KUBED_CONTEXTS, KUBED_SYNC};
use super::mirror_object::{MirrorKind, ObjectPlace};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// The label of the copies that an agent made; the value is the agent's set.
pub const MIRROR_LABEL: &str = "tidegate.dev/mirror";
/// The annotation of a copy: of what it is a copy, and the proof that the agent made it.
pub const MIRROR_ANNOTATION: &str = "tidegate.dev/mirror-of";
/// kubed's annotation of its copies. kubed's labels of its copies begin so, too.
const KUBED_ORIGIN: &str = "kubed.appscode.com/origin";
const KUBED_NAMESPACE: &str = "kubed.appscode.com/origin.namespace";
const KUBED_NAME: &str = "kubed.appscode.com/origin.name";
/// The labels with which kubed finds its copies again.
pub const KUBED_LABELS: [&str; 3] = [KUBED_NAME, KUBED_NAMESPACE, "kubed.appscode.com/origin.cluster"];
/// The annotations that kubed writes on its copies.
pub const KUBED_ANNOTATIONS: [&str; 3] = [KUBED_ORIGIN, KUBED_SYNC, KUBED_CONTEXTS];

/// Of what an object is a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MirrorMark {
    /// The namespace of the source.
    namespace: String,
    /// The name of the source.
    name: String,
    /// A hash over all of this, the agent's set, and where the copy stands: what somebody copies or renames is nobody's.
    proof: String,
}

impl MirrorMark {
    /// The mark of a copy that the agent makes.
    pub fn new(set: &str, copy: &ObjectPlace, source: &ObjectPlace) -> Self {
        Self {
            namespace: source.namespace.clone(),
            name: source.name.clone(),
            proof: proof(set, copy, &source.namespace, &source.name),
        }
    }

    /// The source of a copy of this kind.
    pub fn source(&self, kind: MirrorKind) -> ObjectPlace {
        ObjectPlace {
            kind,
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }

    /// The value of the annotation.
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("a mark is JSON")
    }
}

fn proof(set: &str, copy: &ObjectPlace, namespace: &str, name: &str) -> String {
    let mut hash = Sha256::new();
    for part in [set, copy.kind.name(), &copy.namespace, &copy.name, namespace, name] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// The agent's mark on an object. A mark that was made for another object, or by another agent, is none.
pub(super) fn proved(
    set: &str,
    place: &ObjectPlace,
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) -> Option<MirrorMark> {
    labels.get(MIRROR_LABEL).filter(|found| *found == set)?;
    let mark: MirrorMark = serde_json::from_str(annotations.get(MIRROR_ANNOTATION)?).ok()?;
    (mark.proof == proof(set, place, &mark.namespace, &mark.name)).then_some(mark)
}

/// Whether the object says that it is a copy, whoever made it.
pub(super) fn says_copy(labels: &BTreeMap<String, String>, annotations: &BTreeMap<String, String>) -> bool {
    let mut keys = labels.keys().chain(annotations.keys());
    keys.any(|key| key == MIRROR_LABEL || key == MIRROR_ANNOTATION || key.starts_with(KUBED_ORIGIN))
}

/// The namespace and the name of the source, if kubed made the object: kubed's labels and its annotation name the same one.
pub(super) fn kubed_source(
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) -> Option<(String, String)> {
    #[derive(Deserialize)]
    struct Origin {
        namespace: String,
        name: String,
    }
    let origin: Origin = serde_json::from_str(annotations.get(KUBED_ORIGIN)?).ok()?;
    let is_same = *labels.get(KUBED_NAMESPACE)? == origin.namespace && *labels.get(KUBED_NAME)? == origin.name;
    is_same.then_some((origin.namespace, origin.name))
}

/// What the agent's marks name in another cluster. Agents of two clusters may have one set name, so that the UID of the agent's own cluster
/// (`home`) is a part.
pub fn set_of_another_cluster(set: &str, home: &str) -> String {
    let mut hash = Sha256::new();
    for part in [set, home] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    // The value of a label has 63 characters at most.
    let mut text = hex::encode(hash.finalize());
    text.truncate(40);
    text
}
