//! The ConfigMaps in which the agent keeps what it knows of a set.

use super::apply::apply;
use super::connection::Connection;
use super::failure::explain_missing_namespace;
use crate::model::ObjectId;
use crate::port::{Applied, ClusterFailure, Mode};
use crate::resource::{KindVersion, ServedKind};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use serde_json::Value;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(15);

/// Reads a ConfigMap; `None` if there is none.
pub(super) async fn read_config_map(
    connection: &Connection,
    namespace: &str,
    name: &str,
) -> Result<Option<ConfigMap>, ClusterFailure> {
    let api: Api<ConfigMap> = Api::namespaced(connection.client.clone(), namespace);
    connection.within(DEADLINE, api.get_opt(name)).await
}

/// Applies a ConfigMap.
pub(super) async fn write_config_map(
    connection: &Connection,
    namespace: &str,
    name: &str,
    body: &Value,
) -> Result<Applied, ClusterFailure> {
    let kind = ServedKind {
        kind: KindVersion::new("v1", "ConfigMap"),
        plural: "configmaps".to_owned(),
        namespaced: true,
        scales: false,
    };
    let id = ObjectId::new("v1", "ConfigMap", Some(namespace), name);
    let written = apply(connection, &kind, &id, body, Mode::Write).await;
    written.map_err(|failure| explain_missing_namespace(namespace, failure))
}
