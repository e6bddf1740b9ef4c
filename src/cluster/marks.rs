//! What the agent knows of its applies, in ConfigMaps next to the record. A set that is not large has one.

use super::config_map::{read_config_map, write_config_map};
use super::connection::Connection;
use crate::port::{ClusterFailure, MARK_PARTS};
use crate::resource::{AppliedMarks, SetName, decode_marks, encode_marks};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

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
    let found = read_config_map(connection, &set.namespace, &set.marks(part).name).await?;
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
    let name = set.marks(part).name;
    let body = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": set.namespace,
            "labels": {"app.kubernetes.io/managed-by": "tidegate"},
            "annotations": {"tidegate.dev/about": ABOUT},
        },
        "data": {"parts": parts.to_string()},
        "binaryData": {"marks": BASE64_STANDARD.encode(encode_marks(marks))},
    });
    write_config_map(connection, &set.namespace, &name, &body).await?;
    Ok(())
}
