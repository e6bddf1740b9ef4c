//! What the agent knows of its applies, in ConfigMaps beside the record. A set that is not large has one.

use super::apply::apply;
use super::connection::Connection;
use super::failure::explain_missing_namespace;
use crate::port::{ClusterFailure, MARK_PARTS, Mode};
use crate::resource::{AppliedMarks, KindVersion, ServedKind, SetName, decode_marks, encode_marks};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use serde_json::json;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(15);
const ABOUT: &str = "What tidegate applied, so that its next start applies nothing twice. May be deleted.";

/// Reads all parts.
pub(super) async fn read_marks(connection: &Connection, set: &SetName) -> Result<AppliedMarks, ClusterFailure> {
    let (parts, mut marks) = read_part(connection, set, 0).await?;
    let others = (1..parts.min(MARK_PARTS)).map(|part| read_part(connection, set, part));
    for read in futures::future::join_all(others).await {
        marks.extend(read?.1);
    }
    Ok(marks)
}

/// Reads a part, and of how many parts it is one.
async fn read_part(
    connection: &Connection,
    set: &SetName,
    part: usize,
) -> Result<(usize, AppliedMarks), ClusterFailure> {
    let api: Api<ConfigMap> = Api::namespaced(connection.client.clone(), &set.namespace);
    let found = connection.within(DEADLINE, api.get_opt(&set.marks(part).name)).await?;
    let found = found.unwrap_or_default();
    let parts = found.data.and_then(|data| data.get("parts")?.parse().ok());
    let bytes = found.binary_data.and_then(|mut data| data.remove("marks"));
    Ok((
        parts.unwrap_or(1),
        bytes.map(|bytes| decode_marks(&bytes.0)).unwrap_or_default(),
    ))
}

/// Writes a part.
pub(super) async fn write_marks(
    connection: &Connection,
    set: &SetName,
    part: usize,
    parts: usize,
    marks: &AppliedMarks,
) -> Result<(), ClusterFailure> {
    let kind = ServedKind {
        kind: KindVersion::new("v1", "ConfigMap"),
        plural: "configmaps".to_owned(),
        namespaced: true,
        scales: false,
    };
    let id = set.marks(part);
    let body = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": id.name,
            "namespace": set.namespace,
            "labels": {"app.kubernetes.io/managed-by": "tidegate"},
            "annotations": {"tidegate.dev/about": ABOUT},
        },
        "data": {"parts": parts.to_string()},
        "binaryData": {"marks": BASE64_STANDARD.encode(encode_marks(marks))},
    });
    let written = apply(connection, &kind, &id, &body, Mode::Write).await;
    written.map_err(|failure| explain_missing_namespace(&set.namespace, failure))?;
    Ok(())
}
