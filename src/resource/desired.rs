use super::kind::GroupKind;
use super::set::{PART_OF_LABEL, SetId};
use crate::model::ObjectId;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::fmt;

/// A hash of a manifest's content. The order of keys, their spelling in the file, and keys without a value do not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DesiredHash([u8; 32]);

impl DesiredHash {
    /// Hashes a manifest. `serde_json` keeps maps ordered by key, so that the text it prints is canonical.
    pub fn of(manifest: &Value) -> Self {
        let text = match has_null(manifest) {
            true => {
                let mut pruned = manifest.clone();
                prune_nulls(&mut pruned);
                pruned.to_string()
            }
            false => manifest.to_string(),
        };
        Self(Sha256::digest(text).into())
    }

    /// The first bytes of the hash: enough to tell the manifests of one object apart.
    pub(super) fn short(self) -> [u8; 8] {
        let mut short = [0; 8];
        short.copy_from_slice(&self.0[..8]);
        short
    }

    /// Reads a hash as [`DesiredHash`] is displayed.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = hex::decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for DesiredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The body that is sent for a manifest. It has the set's label and the namespace of `object`, and lacks the fields that
/// only the server sets (`status`, `uid`, `resourceVersion`, `managedFields`, ...): exported manifests contain them.
///
/// A key whose value is null is not sent, as `kubectl apply` drops it: the server would store an empty text for it, or refuse
/// the object.
///
/// A Secret's `stringData` is sent as `data`. The server stores nothing under `stringData`: whoever applies it would own
/// fields that do not exist, and would not notice an edit of the stored ones.
pub fn prepare(manifest: &Value, object: &ObjectId, set: &SetId) -> Value {
    let mut body = sendable(manifest, object);
    if let Some(root) = body.as_object_mut() {
        entry(entry(root, "metadata"), "labels").insert(PART_OF_LABEL.to_owned(), Value::from(set.as_str()));
    }
    body
}

/// A manifest without what is not sent, in the namespace of `object`: [`prepare`] without the label of a set.
pub fn sendable(manifest: &Value, object: &ObjectId) -> Value {
    let mut body = manifest.clone();
    prune_nulls(&mut body);
    let Some(root) = body.as_object_mut() else {
        return body;
    };
    root.remove("status");
    let metadata = entry(root, "metadata");
    for field in [
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "managedFields",
        "selfLink",
    ] {
        metadata.remove(field);
    }
    match &object.namespace {
        Some(namespace) => metadata.insert("namespace".to_owned(), Value::from(namespace.as_str())),
        None => metadata.remove("namespace"),
    };
    if GroupKind::of(object).is("", "Secret") {
        encode_strings(root);
    }
    body
}

/// Removes the keys without a value, at any depth, of every kind, also below lists. A null that is an item of a list stays.
/// The rule is kubectl's (`pruneNullsFromMap` in `pkg/cmd/apply/apply.go`).
fn prune_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(prune_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(prune_nulls),
        _ => {}
    }
}

/// Whether [`prune_nulls`] would remove anything.
fn has_null(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.values().any(|value| value.is_null() || has_null(value)),
        Value::Array(items) => items.iter().any(has_null),
        _ => false,
    }
}

/// Moves the strings of `stringData` to `data`. Other values stay, and the server rejects them.
fn encode_strings(secret: &mut Map<String, Value>) {
    let Some(Value::Object(mut strings)) = secret.remove("stringData") else {
        return;
    };
    strings.retain(|key, value| {
        if let Value::String(text) = value {
            entry(secret, "data").insert(key.clone(), Value::from(BASE64_STANDARD.encode(text)));
        }
        !value.is_string()
    });
    if !strings.is_empty() {
        secret.insert("stringData".to_owned(), Value::Object(strings));
    }
}

fn entry<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let slot = map.entry(key).or_insert_with(|| Value::Object(Map::new()));
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    slot.as_object_mut().expect("made an object on the line above")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::SetName;
    use serde_json::json;

    fn set() -> SetId {
        SetName {
            namespace: "tidegate".into(),
            name: "here".into(),
        }
        .id()
    }

    #[test]
    fn the_body_carries_the_label_and_namespace_and_nothing_the_server_owns() {
        let manifest = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "uid": "x", "resourceVersion": "7", "creationTimestamp": null,
                "managedFields": [], "labels": {"app": "shop"}, "annotations": {"k": "v"}},
            "data": {"k": "v"}, "status": {"phase": "old"},
        });
        let object = ObjectId::new("v1", "ConfigMap", Some("shop"), "a");
        assert_eq!(
            prepare(&manifest, &object, &set()),
            json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "a", "namespace": "shop", "annotations": {"k": "v"},
                    "labels": {"app": "shop", PART_OF_LABEL: set().as_str()}},
                "data": {"k": "v"},
            })
        );
    }

    #[test]
    fn empty_labels_are_no_obstacle() {
        let object = ObjectId::new("v1", "Namespace", None, "a");
        for labels in [json!(null), json!({}), json!("x")] {
            let body = prepare(
                &json!({"metadata": {"name": "a", "namespace": "b", "labels": labels}}),
                &object,
                &set(),
            );
            assert_eq!(body["metadata"]["labels"][PART_OF_LABEL], set().as_str());
            assert_eq!(body["metadata"].get("namespace"), None);
        }
    }

    #[test]
    fn the_strings_of_a_secret_are_sent_as_the_data_they_become() {
        let object = ObjectId::new("v1", "Secret", Some("shop"), "a");
        let manifest = json!({"metadata": {"name": "a"}, "data": {"a": "AA==", "b": "AA=="},
            "stringData": {"b": "text", "c": 5}});
        let body = prepare(&manifest, &object, &set());
        assert_eq!(body["data"], json!({"a": "AA==", "b": "dGV4dA=="}));
        assert_eq!(body["stringData"], json!({"c": 5}), "for the server to refuse");
    }

    #[test]
    fn a_key_without_a_value_is_not_sent_and_not_hashed_and_an_item_without_one_is() {
        let written = json!({
            "metadata": {"name": "a", "annotations": null, "labels": {"app": "shop", "tier": null}},
            "data": {"gone": null, "empty": "", "kept": "v"},
            "spec": {"paused": null, "values": {"deep": {"deeper": null}}, "args": ["a", null],
                "containers": [{"name": "c", "resources": {"limits": {"cpu": null, "memory": "1Gi"}, "requests": null}}, null],
                "matrix": [[{"x": null}]]},
        });
        let same = json!({
            "metadata": {"name": "a", "labels": {"app": "shop"}},
            "data": {"empty": "", "kept": "v"},
            "spec": {"values": {"deep": {}}, "args": ["a", null],
                "containers": [{"name": "c", "resources": {"limits": {"memory": "1Gi"}}}, null],
                "matrix": [[{}]]},
        });
        let object = ObjectId::new("example.com/v1", "Widget", Some("shop"), "a");
        let body = prepare(&written, &object, &set());
        assert_eq!(body, prepare(&same, &object, &set()));
        for part in ["data", "spec"] {
            assert_eq!(body[part], same[part]);
        }
        assert_eq!(body["metadata"].get("annotations"), None);
        assert_eq!(DesiredHash::of(&written), DesiredHash::of(&same));
        assert_ne!(
            DesiredHash::of(&json!({"args": [null]})),
            DesiredHash::of(&json!({"args": []}))
        );
    }

    #[test]
    fn the_strings_of_a_secret_may_lack_a_value() {
        let object = ObjectId::new("v1", "Secret", Some("shop"), "a");
        let manifest = json!({"metadata": {"name": "a"}, "data": {"x": null}, "stringData": {"b": "text", "c": null}});
        let body = prepare(&manifest, &object, &set());
        assert_eq!(body["data"], json!({"b": "dGV4dA=="}));
        assert_eq!(body.get("stringData"), None);
    }

    #[test]
    fn the_hash_sees_values_and_not_key_order() {
        let read = |text| DesiredHash::of(&serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(read(r#"{"a":1,"b":[1,2]}"#), read(r#"{"b":[1,2],"a":1}"#));
        assert_ne!(read(r#"{"a":1,"b":[1,2]}"#), read(r#"{"a":1,"b":[2,1]}"#));
        let hash = read(r#"{"a":1}"#);
        assert_eq!(DesiredHash::parse(&hash.to_string()), Some(hash));
        assert_eq!(DesiredHash::parse("ab"), None);
    }
}
