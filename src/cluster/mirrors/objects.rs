use super::reduce::{live, resource};
use crate::cluster::connection::Connection;
use crate::cluster::resource_path;
use crate::port::ClusterFailure;
use crate::spread::{LiveObject, MirrorKind, ObjectPlace};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::DynamicObject;
use std::time::Duration;

/// For one request.
pub(super) const DEADLINE: Duration = Duration::from_secs(15);

/// The kind's objects in a namespace; `None`: in the whole cluster.
pub(super) fn api(connection: &Connection, kind: MirrorKind, namespace: Option<&str>) -> Api<DynamicObject> {
    resource_path::api(connection.client.clone(), namespace, &resource(kind))
}

pub(super) async fn read(connection: &Connection, place: &ObjectPlace) -> Result<Option<LiveObject>, ClusterFailure> {
    let api = api(connection, place.kind, Some(&place.namespace));
    let found = connection.within(DEADLINE, api.get_opt(&place.name)).await?;
    Ok(found.map(|object| live(place.kind, object)))
}

pub(super) async fn uid(connection: &Connection) -> Result<String, ClusterFailure> {
    let api: Api<Namespace> = Api::all(connection.client.clone());
    let namespace = connection.within(DEADLINE, api.get_metadata("kube-system")).await?;
    Ok(namespace.metadata.uid.unwrap_or_default())
}
