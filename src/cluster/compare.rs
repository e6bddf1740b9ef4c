//! What an apply would make of a live object.

use super::apply::{Forced, force};
use super::connection::Connection;
use super::own_fields::Live;
use crate::model::ObjectId;
use crate::port::{ClusterFailure, Comparison, Mode};
use crate::resource::ServedKind;
use serde_json::Value;

/// Reads the object, and applies `body` as a dry run.
pub(super) async fn compare(
    connection: &Connection,
    kind: &ServedKind,
    id: &ObjectId,
    body: &Value,
) -> Result<Comparison, ClusterFailure> {
    let live = Live::read(connection, kind, id).await?.map(Live::into_value);
    let Forced { object, .. } = force(connection, kind, id, body, Mode::DryRun).await?;
    Ok(Comparison { live, applied: object })
}
