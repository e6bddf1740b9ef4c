use crate::cluster::ownership::{additions, ownership};
use crate::model::ObjectId;
use crate::resource::{
    Allocations, FormerOwner, GroupKind, Health, MemberKey, ObservedObject, PrunePolicy, REVISION, ResourceVersion,
    RolloutProgress, Run, Suspended,
};
use kube::core::{DynamicObject, ObjectMeta};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is kept of a wire object.
pub type Reduced = (ObjectId, ObservedObject);

/// Reduces a whole object, of a kind of which more than the metadata counts.
pub fn reduce_object(kind: &GroupKind, object: DynamicObject) -> Reduced {
    let DynamicObject { metadata, mut data, .. } = object;
    let mut take = |key: &str| data.get_mut(key).map(Value::take).unwrap_or_default();
    let read = json!({
        "metadata": {"generation": metadata.generation},
        "spec": take("spec"),
        "status": take("status"),
    });
    let (id, object) = reduce_metadata(kind, &metadata, Health::of(kind, &read));
    let annotations = metadata.annotations.as_ref();
    let revision = annotations
        .and_then(|annotations| annotations.get(REVISION))
        .map(String::as_str);
    let read_whole = ObservedObject {
        since: object.health.since(&read),
        rollout: RolloutProgress::of(kind, revision, &read),
        is_finished: Run::is_over(kind, &read),
        allocations: Allocations::of(kind, &read),
        ..object
    };
    (id, read_whole)
}

/// Reduces an object of which only the metadata was read.
pub fn reduce_metadata(kind: &GroupKind, metadata: &ObjectMeta, health: Health) -> Reduced {
    let id = ObjectId {
        group: kind.group.clone(),
        kind: kind.kind.clone(),
        namespace: metadata.namespace.clone(),
        name: metadata.name.clone().unwrap_or_default(),
    };
    let ownership = ownership(metadata.managed_fields.as_deref());
    let is_copy = ownership.is_older_than(metadata.creation_timestamp.as_ref().map(|time| time.0));
    let annotations = metadata.annotations.iter().flatten();
    let object = ObservedObject {
        uid: metadata.uid.clone().unwrap_or_default(),
        version: ResourceVersion::new(metadata.resource_version.clone().unwrap_or_default()),
        generation: metadata.generation,
        fingerprint: ownership.fingerprint,
        last_writer: ownership.last_writer,
        last_written: ownership.last_written,
        // A write of the status changes no generation.
        has_later_writer: ownership.has_later_writer || (metadata.generation.is_none() && ownership.has_later_status),
        owns_replicas: ownership.owns_replicas,
        is_copy,
        additions: additions(metadata.managed_fields.as_deref()).map(Arc::new),
        is_owned: metadata
            .owner_references
            .as_ref()
            .is_some_and(|owners| !owners.is_empty()),
        is_claimed: match (&metadata.labels, &metadata.annotations) {
            (None, None) => false,
            (labels, annotations) => {
                let none = BTreeMap::new();
                let (labels, annotations) = (labels.as_ref().unwrap_or(&none), annotations.as_ref().unwrap_or(&none));
                FormerOwner::that_took_over(labels, annotations, &ownership.own_marks).is_some()
            }
        },
        is_terminating: metadata.deletion_timestamp.is_some(),
        is_finished: false,
        allocations: Allocations::default(),
        finalizers: match metadata.deletion_timestamp {
            Some(_) => metadata.finalizers.clone().unwrap_or_default(),
            None => Vec::new(),
        },
        prune: PrunePolicy::read(
            annotations.map(|(key, value)| (key.as_str(), value.as_str())),
            ownership.owns_prune,
        ),
        kustomization: metadata
            .annotations
            .as_ref()
            .and_then(|annotations| annotations.get(Suspended::ANNOTATION))
            .map(|name| MemberKey::of_kustomization(name)),
        health,
        since: None,
        rollout: None,
    };
    (id, object)
}
