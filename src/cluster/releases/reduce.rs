//! From wire objects to what the loop reads.

use super::store::Stored;
use crate::cluster::ownership::owned_by;
use crate::model::ObjectId;
use crate::port::HelmRelease;
use crate::release::{HELM_MANAGER, ObjectMark, ReleaseName, Revision};
use crate::resource::{ResourceVersion, has_field};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use kube::api::{ApiResource, DynamicObject, ObjectMeta};
use serde_json::Value;

/// Keeps a HelmRelease in the cluster until its release is uninstalled.
pub(super) const FINALIZER: &str = "tidegate.dev/helm-release";

pub(super) fn api_resource() -> ApiResource {
    ApiResource {
        group: "helm.fluxcd.io".to_owned(),
        version: "v1".to_owned(),
        api_version: "helm.fluxcd.io/v1".to_owned(),
        kind: "HelmRelease".to_owned(),
        plural: "helmreleases".to_owned(),
    }
}

pub(super) fn release_id(metadata: &ObjectMeta) -> ObjectId {
    let resource = api_resource();
    ObjectId::new(
        &resource.api_version,
        &resource.kind,
        metadata.namespace.as_deref(),
        metadata.name.as_deref().unwrap_or_default(),
    )
}

pub(super) fn release(mut object: DynamicObject) -> HelmRelease {
    object.metadata.managed_fields = None;
    let metadata = &object.metadata;
    let finalizers = metadata.finalizers.iter().flatten();
    let created = metadata.creation_timestamp.as_ref();
    HelmRelease {
        id: release_id(metadata),
        uid: metadata.uid.clone().unwrap_or_default(),
        version: ResourceVersion::new(metadata.resource_version.clone().unwrap_or_default()),
        generation: metadata.generation,
        created: created.map(|time| time.0),
        is_deleted: metadata.deletion_timestamp.is_some(),
        has_finalizer: finalizers.into_iter().any(|name| name == FINALIZER),
        value: serde_json::to_value(&object).unwrap_or(Value::Null),
    }
}

/// The finalizers of a HelmRelease, with or without the agent's.
pub(super) fn finalizers(release: &HelmRelease, present: bool) -> Vec<String> {
    let all = release.value.pointer("/metadata/finalizers").and_then(Value::as_array);
    let names = all.into_iter().flatten().filter_map(Value::as_str);
    let others = names.filter(|name| *name != FINALIZER).map(str::to_owned);
    others.chain(present.then(|| FINALIZER.to_owned())).collect()
}

/// A revision by the metadata of its Secret.
pub(super) fn stored(metadata: &ObjectMeta) -> Option<Stored> {
    let (name, revision) = Revision::read(metadata.labels.as_ref()?)?;
    let namespace = metadata.namespace.clone()?;
    Some((ReleaseName { namespace, name }, revision))
}

/// The name of the Secret with a revision.
pub(super) fn revision_name(release: &ReleaseName, revision: u32) -> String {
    format!("sh.helm.release.v1.{}.v{revision}", release.name)
}

/// The mark of an object of a release.
///
/// Helm owns the `stringData` of a Secret, which the server does not store: nothing in `managedFields` says that somebody changed
/// the `data` that was made of it. Of such a Secret every change counts.
pub(super) fn mark(id: &ObjectId, metadata: &ObjectMeta) -> ObjectMark {
    let entries = metadata.managed_fields.as_deref();
    let is_of_helm = |entry: &&ManagedFieldsEntry| entry.manager.as_deref() == Some(HELM_MANAGER);
    let of_helm = entries.into_iter().flatten().filter(is_of_helm);
    let mut fields = of_helm.filter_map(|entry| entry.fields_v1.as_ref());
    let is_blind = id.kind == "Secret" && fields.any(|fields| has_field(&fields.0, &["f:stringData"]));
    let version = metadata.resource_version.as_deref().filter(|_| is_blind);
    let uid = metadata.uid.as_deref().unwrap_or_default();
    let uid = format!("{uid}{}", version.unwrap_or_default());
    ObjectMark::of(id, &uid, owned_by(HELM_MANAGER, entries))
}
