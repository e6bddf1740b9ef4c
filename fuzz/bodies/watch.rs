use kube::core::DynamicObject;
use serde_json::Value;
use tidegate::cluster::{reduce_metadata, reduce_object};
use tidegate::resource::{GroupKind, Health, ObservedObject, is_own};

/// Kinds whose objects are read as a whole, each by rules of its own, and one by its metadata alone.
const KINDS: [(&str, &str); 7] = [
    ("apps", "Deployment"),
    ("apps", "StatefulSet"),
    ("batch", "Job"),
    ("", "Service"),
    ("", "Pod"),
    ("acme.example", "Widget"),
    ("", "ConfigMap"),
];

/// The input is an object as a watch delivers it. Properties: an object of any shape is reduced; what is kept of its metadata
/// is what it says; the agent's fingerprint is there exactly if the agent has applied a field; it does not depend on other
/// managers, nor on the rest of the object; a reading of the metadata alone says the same.
pub fn watch_event(data: &[u8]) {
    let Ok(document) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    let Ok(object) = serde_json::from_slice::<DynamicObject>(data) else {
        return;
    };
    let text = |pointer: &str| {
        document
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    for (group, kind) in KINDS {
        let kind = GroupKind::new(group, kind);
        let (id, observed) = reduce_object(&kind, object.clone());
        assert_eq!(
            (id.name.as_str(), observed.uid.as_str()),
            (text("/metadata/name").as_str(), text("/metadata/uid").as_str())
        );
        assert_eq!(observed.is_terminating, !text("/metadata/deletionTimestamp").is_empty());
        assert!(observed.is_terminating || observed.finalizers.is_empty());
        is_reduced(&observed, data.len());
        let (same, metadata) = reduce_metadata(&kind, &object.metadata, Health::Unknown);
        assert_eq!(same, id);
        let whole = ObservedObject {
            health: Health::Unknown,
            is_finished: false,
            allocations: metadata.allocations.clone(),
            ..observed.clone()
        };
        assert_eq!(metadata, whole);
        only_own_entries_count(&kind, &object, &observed);
    }
}

/// The fingerprint stays if the entries of all others go.
fn only_own_entries_count(kind: &GroupKind, object: &DynamicObject, observed: &ObservedObject) {
    let mut alone = object.metadata.clone();
    if let Some(entries) = &mut alone.managed_fields {
        entries.retain(|entry| serde_json::to_value(entry).is_ok_and(|entry| is_own(&entry)));
    }
    let (_, without_others) = reduce_metadata(kind, &alone, Health::Unknown);
    assert_eq!(without_others.fingerprint, observed.fingerprint);
    assert!(without_others.last_writer.is_none(), "{:?}", without_others.last_writer);
    assert_eq!(
        observed.fingerprint.is_some(),
        alone.managed_fields.is_some_and(|own| !own.is_empty())
    );
}

/// What is kept is a part of what came.
fn is_reduced(observed: &ObservedObject, size: usize) {
    let kept = format!(
        "{:?}",
        (&observed.last_writer, &observed.last_written, &observed.finalizers)
    );
    assert!(kept.len() <= 40 * (size + 40), "{} bytes of {size}", kept.len());
}
