//! The objects of a release: what is sent for them, and by what a change of them is noticed.

use super::name::ReleaseName;
use crate::model::ObjectId;
use crate::resource::{Drift, FieldPattern, Fingerprint, sendable};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// The field manager of helm.
pub const HELM_MANAGER: &str = "helm";
/// The label that helm puts on every object of a release, and its value.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "Helm");
/// The annotations by which an object names its release.
const RELEASE_NAME: &str = "meta.helm.sh/release-name";
const RELEASE_NAMESPACE: &str = "meta.helm.sh/release-namespace";

/// The release that an object names as its own.
pub fn release_of<'a>(annotation: impl Fn(&str) -> Option<&'a str>) -> Option<ReleaseName> {
    Some(ReleaseName {
        namespace: annotation(RELEASE_NAMESPACE)?.to_owned(),
        name: annotation(RELEASE_NAME)?.to_owned(),
    })
}

/// What is sent for an object of a release: its manifest, and the marks that helm puts on every object.
pub fn object_body(manifest: &Value, id: &ObjectId, release: &ReleaseName) -> Value {
    let mut body = sendable(manifest, id);
    let mut mark = |part: &str, key: &str, value: &str| {
        let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) else {
            return;
        };
        let marks = metadata.entry(part).or_insert_with(|| Value::Object(Map::new()));
        if !marks.is_object() {
            *marks = Value::Object(Map::new());
        }
        if let Some(marks) = marks.as_object_mut() {
            marks.insert(key.to_owned(), value.into());
        }
    };
    mark("labels", MANAGED_BY.0, MANAGED_BY.1);
    mark("annotations", RELEASE_NAME, &release.name);
    mark("annotations", RELEASE_NAMESPACE, &release.namespace);
    body
}

/// What a watch shows of an object of a release: its UID and the fields that helm owns, as a hash. While the mark is the same, nobody
/// has changed a field that helm wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectMark(u128);

impl ObjectMark {
    /// Of an object by its UID and helm's part of its `managedFields`.
    pub fn of(id: &ObjectId, uid: &str, owned: Option<Fingerprint>) -> Self {
        let mut hash = Sha256::new();
        for part in [
            &id.group,
            &id.kind,
            id.namespace.as_ref().unwrap_or(&String::new()),
            &id.name,
        ] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.update(uid.as_bytes());
        hash.update(owned.map(|owned| owned.bytes()).unwrap_or_default());
        let digest = hash.finalize();
        Self(
            digest
                .iter()
                .take(16)
                .fold(0, |number, byte| number << 8 | u128::from(*byte)),
        )
    }
}

/// The objects of one release that the watches show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenObjects {
    /// Each object with its mark.
    pub marks: BTreeMap<ObjectId, ObjectMark>,
}

impl SeenObjects {
    /// A hash of all marks and of the rules that the objects are judged by.
    pub fn digest(&self, rules: &DriftRules) -> String {
        let sum = self.marks.values().fold(0_u128, |sum, mark| sum.wrapping_add(mark.0));
        let mut hash = Sha256::new_with_prefix(sum.to_be_bytes());
        hash.update(self.marks.len().to_be_bytes());
        hash.update(&rules.text);
        let mut digest = hex::encode(hash.finalize());
        digest.truncate(32);
        digest
    }
}

/// What is done about objects of a release that somebody changed, by the annotations of the HelmRelease. Those of an object itself
/// go before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DriftRules {
    /// For objects whose manifests say nothing else.
    pub drift: Drift,
    /// Fields that others may own, in all objects.
    pub ignored: Vec<FieldPattern>,
    text: String,
}

impl DriftRules {
    /// Reads the annotations of a HelmRelease. What cannot be read counts as absent: sync reports it for the file.
    pub fn read(release: &Value) -> Self {
        let annotations = release.pointer("/metadata/annotations");
        let text = |key: &str| {
            annotations
                .and_then(|all| all.get(key))
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (drift, ignored) = (text("tidegate.dev/drift"), text("tidegate.dev/ignore-fields"));
        Self {
            drift: match drift {
                "warn" => Drift::Warn,
                "ignore" => Drift::Ignore,
                _ => Drift::Repair,
            },
            ignored: FieldPattern::parse_list(ignored).unwrap_or_default(),
            text: format!("{drift}\0{ignored}"),
        }
    }
}

/// What is known of the objects of a release, kept in the status of the HelmRelease so that the next process knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ObjectsStatus {
    /// The revision that the objects were compared with.
    pub revision: u32,
    /// The kinds of the revision's objects.
    pub kinds: Vec<String>,
    /// The digest of the objects when they were compared; empty if the comparison has not ended.
    pub digest: String,
    /// Objects that somebody changed, and that stay as they are because an annotation asks for that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drifted: Vec<String>,
    /// Objects that are not as the revision has them although they should be, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::FieldsEntry;
    use serde_json::json;

    fn release() -> ReleaseName {
        ReleaseName {
            namespace: "shop".into(),
            name: "web".into(),
        }
    }

    #[test]
    fn helms_marks_are_sent_with_the_manifest() {
        let id = ObjectId::new("v1", "ConfigMap", Some("shop"), "a");
        let manifest = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": null}, "data": {"k": "v"}});
        assert_eq!(
            object_body(&manifest, &id, &release()),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "v"}, "metadata": {
                "name": "a", "namespace": "shop", "labels": {"app.kubernetes.io/managed-by": "Helm"},
                "annotations": {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop"}}})
        );
    }

    #[test]
    fn the_digest_changes_with_each_object_its_owner_and_the_rules() {
        let id = |name: &str| ObjectId::new("v1", "ConfigMap", Some("shop"), name);
        let owned = |fields: &Value| {
            let entry = FieldsEntry {
                manager: "helm",
                operation: "Apply",
                subresource: "",
                api_version: "v1",
                time: None,
                fields,
            };
            Fingerprint::of_manager("helm", [entry])
        };
        let seen = |all: &[(&str, &str, Value)]| SeenObjects {
            marks: all
                .iter()
                .map(|(name, uid, fields)| (id(name), ObjectMark::of(&id(name), uid, owned(fields))))
                .collect(),
        };
        let rules = DriftRules::default();
        let base = seen(&[("a", "1", json!({"f:x": {}})), ("b", "2", json!({}))]).digest(&rules);
        assert_eq!(
            seen(&[("b", "2", json!({})), ("a", "1", json!({"f:x": {}}))]).digest(&rules),
            base
        );
        let warned = DriftRules::read(&json!({"metadata": {"annotations": {"tidegate.dev/drift": "warn"}}}));
        for other in [
            seen(&[("a", "1", json!({})), ("b", "2", json!({}))]).digest(&rules),
            seen(&[("a", "3", json!({"f:x": {}})), ("b", "2", json!({}))]).digest(&rules),
            seen(&[("a", "1", json!({"f:x": {}}))]).digest(&rules),
            seen(&[("a", "1", json!({"f:x": {}})), ("b", "2", json!({}))]).digest(&warned),
        ] {
            assert_ne!(other, base);
        }
    }
}
