use super::connection::Connection;
use super::failure::if_found;
use super::ownership::ownership;
use super::resource_path::collection_path;
use crate::model::ObjectId;
use crate::port::ClusterFailure;
use crate::resource::{ID_LABEL, LiveObject, MANAGER, ResourceVersion, ServedKind, SetName};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{ListParams, ObjectMeta, Patch, PatchParams};
use kube::core::{PartialObjectMeta, Request};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(15);

/// Reads the metadata of one object.
pub(super) async fn look(
    connection: &Connection,
    kind: &ServedKind,
    id: &ObjectId,
) -> Result<Option<(LiveObject, ResourceVersion)>, ClusterFailure> {
    let path = collection_path(kind, id)?;
    let request = async {
        let request = Request::new(path)
            .get_metadata(&id.name, &Default::default())
            .map_err(kube::Error::BuildRequest)?;
        if_found(connection.client.request::<PartialObjectMeta>(request).await)
    };
    let object = connection.within(DEADLINE, request).await?;
    Ok(object.map(|object| reduce(object.metadata)))
}

fn reduce(metadata: ObjectMeta) -> (LiveObject, ResourceVersion) {
    let ownership = ownership(metadata.managed_fields.as_deref());
    let created = metadata.creation_timestamp.as_ref().map(|time| time.0);
    let mut entries = metadata.managed_fields.unwrap_or_default();
    let raw = entries
        .iter()
        .filter_map(|entry| serde_json::to_value(entry).ok())
        .collect();
    entries.retain(|entry| entry.subresource.as_deref() != Some("status"));
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.time.as_ref().map(|time| time.0)));
    let live = LiveObject {
        labels: metadata.labels.unwrap_or_default(),
        annotations: metadata.annotations.unwrap_or_default(),
        managers: entries.into_iter().filter_map(|entry| entry.manager).collect(),
        entries: raw,
        was_applied: ownership.fingerprint.is_some() && !ownership.is_older_than(created),
    };
    (
        live,
        ResourceVersion::new(metadata.resource_version.unwrap_or_default()),
    )
}

/// Replaces `managedFields`, on the condition that the object still has this version, and returns the new version.
pub(super) async fn set_managed_fields(
    connection: &Connection,
    kind: &ServedKind,
    id: &ObjectId,
    version: &ResourceVersion,
    entries: &[Value],
) -> Result<ResourceVersion, ClusterFailure> {
    let path = collection_path(kind, id)?;
    let patch = json!({"metadata": {"resourceVersion": version.as_str(), "managedFields": entries}});
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let request = async {
        let request = Request::new(path)
            .patch_metadata(&id.name, &params, &Patch::Merge(patch))
            .map_err(kube::Error::BuildRequest)?;
        connection.client.request::<PartialObjectMeta>(request).await
    };
    let patched = connection.within(DEADLINE, request).await?;
    Ok(ResourceVersion::new(
        patched.metadata.resource_version.unwrap_or_default(),
    ))
}

/// Finds the parent of an ApplySet. Parents of other kinds are not looked for.
pub(super) async fn find_set(connection: &Connection, id: &str) -> Result<Option<SetName>, ClusterFailure> {
    let params = ListParams::default().labels(&format!("{ID_LABEL}={id}")).limit(1);
    let maps: Api<ConfigMap> = Api::all(connection.client.clone());
    let found = connection.within(DEADLINE, maps.list_metadata(&params)).await?;
    if let Some(map) = found.items.first() {
        return Ok(Some(set_name(map)));
    }
    let secrets: Api<Secret> = Api::all(connection.client.clone());
    let found = connection.within(DEADLINE, secrets.list_metadata(&params)).await?;
    Ok(found.items.first().map(set_name))
}

fn set_name(parent: &impl ResourceExt) -> SetName {
    SetName {
        namespace: parent.namespace().unwrap_or_default(),
        name: parent.name_any(),
    }
}
