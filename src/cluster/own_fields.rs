use super::connection::Connection;
use super::failure::if_found;
use super::look::set_managed_fields;
use super::resource_path::collection_path;
use crate::model::ObjectId;
use crate::port::ClusterFailure;
use crate::resource::{
    FieldPath, MANAGER, REPLICAS, ResourceVersion, ServedKind, UnownedField, add_field, is_own, remove_field,
    unowned_fields,
};
use kube::core::Request;
use kube::core::response::StatusCause;
use serde_json::{Value, json};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(20);
/// Somebody else writes to the object in the same moment. Each time the object is read again.
const ATTEMPTS: usize = 3;

/// A live object, for a change of what the agent owns of it.
pub(super) struct Live(Value);

impl Live {
    /// Reads the object; `None` if there is none.
    pub(super) async fn read(
        connection: &Connection,
        kind: &ServedKind,
        id: &ObjectId,
    ) -> Result<Option<Self>, ClusterFailure> {
        let path = collection_path(kind, id)?;
        let request = async {
            let request = Request::new(path)
                .get(&id.name, &kube::api::GetParams::default())
                .map_err(kube::Error::BuildRequest)?;
            if_found(connection.client.request::<Value>(request).await)
        };
        Ok(connection.within(DEADLINE, request).await?.map(Self))
    }

    pub(super) fn into_value(self) -> Value {
        self.0
    }

    /// The fields without an owner that may cause this refusal: defaults that the server once set beside what the manifest
    /// declared, and that do not fit what the manifest declares now. Nobody's apply removes them.
    pub(super) fn defaults_in_the_way(&self, causes: &[StatusCause]) -> Vec<UnownedField> {
        let sets: Vec<&Value> = self
            .entries()
            .iter()
            .filter_map(|entry| entry.get("fieldsV1"))
            .collect();
        let mut found = unowned_fields(&self.0, &sets);
        // An immutable field does not change by having another owner.
        let is_final =
            |cause: &StatusCause| cause.message.contains("immutable") || cause.message.contains("may not change");
        found.retain(|field| field.path != REPLICAS);
        found.retain(|field| {
            let mut causes = causes.iter().filter(|cause| !is_final(cause));
            causes.any(|cause| field.may_cause_refusal_of(&cause.field))
        });
        found
    }

    /// A merge patch of `body` that also removes these fields, as far as `body` does not have them. It replaces lists as a
    /// whole.
    pub(super) fn merge_without(&self, body: &Value, fields: &[UnownedField]) -> Value {
        let mut patch = body.clone();
        for field in fields {
            let names: Option<Vec<&str>> = field.path.iter().map(|element| element.strip_prefix("f:")).collect();
            let mut at = Some((&mut patch, &self.0));
            for name in names.unwrap_or_default() {
                at = at.and_then(|(patch, live)| {
                    let slot = patch.as_object_mut()?.entry(name).or_insert(Value::Null);
                    Some((slot, live.get(name)?))
                });
            }
            if let Some((patch, live)) = at {
                remove_what_lacks(patch, live);
            }
        }
        patch
    }

    fn entries(&self) -> &[Value] {
        let entries = self.0.pointer("/metadata/managedFields").and_then(Value::as_array);
        entries.map_or(&[], Vec::as_slice)
    }

    /// The entries with these fields among the agent's own.
    fn with_own(&self, added: &[UnownedField], api_version: &str) -> Vec<Value> {
        let mut entries = self.entries().to_vec();
        let position = entries.iter().position(is_own).unwrap_or_else(|| {
            entries.push(json!({
                "manager": MANAGER, "operation": "Apply", "apiVersion": api_version,
                "fieldsType": "FieldsV1", "fieldsV1": {},
            }));
            entries.len() - 1
        });
        for leaf in added.iter().flat_map(|field| &field.leaves) {
            add_field(&mut entries[position]["fieldsV1"], leaf);
        }
        entries
    }

    /// The entries without this field among the agent's own; `None` if the agent does not own the field.
    fn without_own(&self, removed: &FieldPath) -> Option<Vec<Value>> {
        let mut entries = self.entries().to_vec();
        let own = entries.iter_mut().find(|entry| is_own(entry))?;
        remove_field(&mut own["fieldsV1"], removed).then_some(entries)
    }

    /// Writes the entries, on the condition that the object is as it was read. No field changes its value.
    async fn write(
        &self,
        connection: &Connection,
        kind: &ServedKind,
        id: &ObjectId,
        entries: Vec<Value>,
    ) -> Result<(), ClusterFailure> {
        let version = self.0.pointer("/metadata/resourceVersion").and_then(Value::as_str);
        let version = ResourceVersion::new(version.unwrap_or_default());
        set_managed_fields(connection, kind, id, &version, &entries)
            .await
            .map(drop)
    }
}

/// Makes fields that nobody owns the agent's own, so that the agent's next apply, which does not declare them, removes them.
pub(super) async fn own_defaults(
    connection: &Connection,
    kind: &ServedKind,
    id: &ObjectId,
    live: &Live,
    defaults: &[UnownedField],
) -> Result<(), ClusterFailure> {
    let entries = live.with_own(defaults, &kind.kind.api_version());
    live.write(connection, kind, id, entries).await
}

/// Gives up the ownership of a field, which keeps its value: the agent's next apply, which does not declare the field, leaves
/// the field alone. Without this, the server would set the default.
pub(super) async fn hand_over(
    connection: &Connection,
    kind: &ServedKind,
    id: &ObjectId,
    field: &FieldPath,
) -> Result<(), ClusterFailure> {
    let mut attempts = 0;
    loop {
        let Some(live) = Live::read(connection, kind, id).await? else {
            return Ok(());
        };
        let Some(entries) = live.without_own(field) else {
            return Ok(());
        };
        attempts += 1;
        match live.write(connection, kind, id, entries).await {
            Err(ClusterFailure::Conflict { .. }) if attempts < ATTEMPTS => {}
            outcome => return outcome,
        }
    }
}

/// Adds a null to a merge patch for everything that the live object has and the patch does not.
fn remove_what_lacks(patch: &mut Value, live: &Value) {
    let (Value::Object(patch), Value::Object(live)) = (patch, live) else {
        return;
    };
    for (name, live) in live {
        remove_what_lacks(patch.entry(name).or_insert(Value::Null), live);
    }
}
