use crate::resource::{Additions, FieldsEntry, Fingerprint, Ownership};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use serde_json::Value;

/// Reduces an object's `managedFields` to the few bytes that are compared.
pub(super) fn ownership(entries: Option<&[ManagedFieldsEntry]>) -> Ownership {
    Ownership::read(entries.unwrap_or_default().iter().map(entry))
}

/// The fields that people wrote into an object beside what the agent applied.
pub(super) fn additions(entries: Option<&[ManagedFieldsEntry]>) -> Option<Additions> {
    Additions::read(entries.unwrap_or_default().iter().map(entry))
}

/// What another manager wrote into the object itself.
pub(super) fn owned_by(manager: &str, entries: Option<&[ManagedFieldsEntry]>) -> Option<Fingerprint> {
    Fingerprint::of_manager(manager, entries.unwrap_or_default().iter().map(entry))
}

fn entry(entry: &ManagedFieldsEntry) -> FieldsEntry<'_> {
    FieldsEntry {
        manager: entry.manager.as_deref().unwrap_or_default(),
        operation: entry.operation.as_deref().unwrap_or_default(),
        subresource: entry.subresource.as_deref().unwrap_or_default(),
        api_version: entry.api_version.as_deref().unwrap_or_default(),
        time: entry.time.as_ref().map(|time| time.0),
        fields: entry.fields_v1.as_ref().map_or(&Value::Null, |fields| &fields.0),
    }
}
