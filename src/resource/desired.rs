use super::kind::GroupKind;
use super::set::{PART_OF_LABEL, SetId};
use crate::model::ObjectId;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// A hash of a manifest's content. The order of keys and their spelling in the file do not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DesiredHash([u8; 32]);

impl DesiredHash {
    /// Hashes a manifest. `serde_json` keeps maps ordered by key, so that the text it prints is canonical.
    pub fn of(manifest: &Value) -> Self {
        Self(Sha256::digest(manifest.to_string()).into())
    }
}

/// The body that is sent for a manifest. It has the set's label and the namespace of `object`, and lacks the fields that
/// only the server sets (`status`, `uid`, `resourceVersion`, `managedFields`, ...): exported manifests contain them.
///
/// A Secret's `stringData` is sent as `data`. The server stores nothing under `stringData`: whoever applies it would own
/// fields that do not exist, and would not notice an edit of the stored ones.
pub fn prepare(manifest: &Value, object: &ObjectId, set: &SetId) -> Value {
    let mut body = manifest.clone();
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
    entry(metadata, "labels").insert(PART_OF_LABEL.to_owned(), Value::from(set.as_str()));
    if GroupKind::of(object).is("", "Secret") {
        encode_strings(root);
    }
    body
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
    fn the_hash_sees_values_and_not_key_order() {
        let read = |text| DesiredHash::of(&serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(read(r#"{"a":1,"b":[1,2]}"#), read(r#"{"b":[1,2],"a":1}"#));
        assert_ne!(read(r#"{"a":1,"b":[1,2]}"#), read(r#"{"a":1,"b":[2,1]}"#));
    }
}
