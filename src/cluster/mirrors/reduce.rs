//! From wire objects to what the loop reads, and back.

use crate::model::Secret;
use crate::resource::ResourceVersion;
use crate::spread::{
    EntryField, KUBED_ANNOTATIONS, KUBED_LABELS, LiveObject, MIRROR_ANNOTATION, MIRROR_LABEL, MirrorContent,
    MirrorEntry, MirrorFacts, MirrorKind, MirrorMark, MirrorWrite, ObjectPlace,
};
use kube::api::{ApiResource, DynamicObject};
use serde_json::{Map, Value, json};

/// The field manager of what the loop writes.
pub(super) const MANAGER: &str = "tidegate-mirrors";

pub(super) fn resource(kind: MirrorKind) -> ApiResource {
    let plural = match kind {
        MirrorKind::ConfigMap => "configmaps",
        MirrorKind::Secret => "secrets",
    };
    ApiResource {
        group: String::new(),
        version: "v1".to_owned(),
        api_version: "v1".to_owned(),
        kind: kind.name().to_owned(),
        plural: plural.to_owned(),
    }
}

pub(super) fn place(kind: MirrorKind, object: &DynamicObject) -> ObjectPlace {
    ObjectPlace {
        kind,
        namespace: object.metadata.namespace.clone().unwrap_or_default(),
        name: object.metadata.name.clone().unwrap_or_default(),
    }
}

/// What is kept of an object.
pub(super) fn facts(set: &str, kind: MirrorKind, object: DynamicObject) -> (ObjectPlace, MirrorFacts) {
    let place = place(kind, &object);
    let facts = MirrorFacts::read(set, &place, &live(kind, object));
    (place, facts)
}

pub(super) fn live(kind: MirrorKind, object: DynamicObject) -> LiveObject {
    let DynamicObject { metadata, mut data, .. } = object;
    let mut entries = std::collections::BTreeMap::new();
    for field in EntryField::ALL {
        let Some(Value::Object(values)) = data.get_mut(field.name()).map(Value::take) else {
            continue;
        };
        for (key, value) in values {
            if let Value::String(value) = value {
                let value = Secret::new(value);
                entries.insert(key, MirrorEntry { field, value });
            }
        }
    }
    let text = |key: &str| data.get(key).and_then(Value::as_str).map(str::to_owned);
    LiveObject {
        version: ResourceVersion::new(metadata.resource_version.unwrap_or_default()),
        uid: metadata.uid.unwrap_or_default(),
        is_immutable: data.get("immutable") == Some(&Value::Bool(true)),
        is_owned: metadata.owner_references.is_some_and(|owners| !owners.is_empty())
            || metadata.finalizers.is_some_and(|finalizers| !finalizers.is_empty()),
        is_ending: metadata.deletion_timestamp.is_some(),
        labels: metadata.labels.unwrap_or_default(),
        annotations: metadata.annotations.unwrap_or_default(),
        content: MirrorContent {
            type_name: (kind == MirrorKind::Secret).then(|| text("type").unwrap_or_else(|| "Opaque".to_owned())),
            entries,
        },
    }
}

/// A new copy.
pub(super) fn new_copy(set: &str, write: &MirrorWrite, mark: &MirrorMark, content: &MirrorContent) -> Value {
    let place = &write.place;
    let labels = write.labels.iter();
    let mut labels: Map<String, Value> = labels
        .filter_map(|(key, value)| Some((key.clone(), Value::String(value.clone()?))))
        .collect();
    labels.insert(MIRROR_LABEL.to_owned(), Value::String(set.to_owned()));
    let mut object = json!({
        "apiVersion": "v1",
        "kind": place.kind.name(),
        "metadata": {
            "name": place.name,
            "namespace": place.namespace,
            "labels": labels,
            "annotations": {MIRROR_ANNOTATION: mark.text()},
        },
    });
    let type_name = content.type_name.clone().map(Value::String);
    let fields = EntryField::ALL.map(|field| (field.name(), Value::Object(entries(content, field))));
    let fields = fields.into_iter().chain(type_name.map(|name| ("type", name)));
    if let Some(object) = object.as_object_mut() {
        object.extend(
            fields
                .filter(|(_, value)| *value != json!({}))
                .map(|(key, value)| (key.to_owned(), value)),
        );
    }
    object
}

/// What turns a copy into one with this content. Null takes a label, an annotation or an entry away.
pub(super) fn change(
    set: &str,
    write: &MirrorWrite,
    copy: &MirrorFacts,
    mark: &MirrorMark,
    content: &MirrorContent,
) -> Value {
    let mut labels: Map<String, Value> = write
        .labels
        .iter()
        .map(|(key, value)| (key.clone(), json!(value)))
        .collect();
    let mut annotations = Map::new();
    if copy.mark.is_none() {
        // A copy of kubed becomes the agent's, and no copy of kubed any more.
        labels.extend(KUBED_LABELS.map(|key| (key.to_owned(), Value::Null)));
        annotations.extend(KUBED_ANNOTATIONS.map(|key| (key.to_owned(), Value::Null)));
    }
    labels.insert(MIRROR_LABEL.to_owned(), Value::String(set.to_owned()));
    annotations.insert(MIRROR_ANNOTATION.to_owned(), Value::String(mark.text()));
    let mut object = json!({
        "metadata": {
            "uid": copy.uid,
            "resourceVersion": copy.version.as_str(),
            "labels": labels,
            "annotations": annotations,
        },
    });
    for field in EntryField::ALL {
        if field == EntryField::BinaryData && write.place.kind == MirrorKind::Secret {
            continue;
        }
        let mut values: Map<String, Value> = copy.entries.keys().map(|key| (key.clone(), Value::Null)).collect();
        values.extend(entries(content, field));
        if let (false, Some(object)) = (values.is_empty(), object.as_object_mut()) {
            object.insert(field.name().to_owned(), Value::Object(values));
        }
    }
    object
}

fn entries(content: &MirrorContent, field: EntryField) -> Map<String, Value> {
    let entries = content.entries.iter().filter(|(_, entry)| entry.field == field);
    entries
        .map(|(key, entry)| (key.clone(), Value::String(entry.value.expose().to_owned())))
        .collect()
}
