//! What an apply would make of a live object.

use super::connection::Connection;
use super::failure::if_found;
use super::resource_path::collection_path;
use super::server_text::reduced_for_secret;
use crate::model::ObjectId;
use crate::port::{ClusterFailure, Comparison};
use crate::resource::{MANAGER, ServedKind};
use kube::api::{GetParams, Patch, PatchParams};
use kube::core::Request;
use serde_json::Value;
use std::time::Duration;

/// A dry run calls webhooks as an apply does.
const DEADLINE: Duration = Duration::from_secs(35);

/// Reads the object, and applies `body` as a dry run.
pub(super) async fn compare(
    connection: &Connection,
    kind: &ServedKind,
    id: &ObjectId,
    body: &Value,
) -> Result<Comparison, ClusterFailure> {
    let path = collection_path(kind, id)?;
    let shown = |error| match kind.kind.kind.is("", "Secret") {
        true => reduced_for_secret(error),
        false => error,
    };
    let read = async {
        let request = Request::new(path.clone())
            .get(&id.name, &GetParams::default())
            .map_err(kube::Error::BuildRequest)?;
        if_found(connection.client.request::<Value>(request).await)
    };
    let live = connection.within(DEADLINE, read).await?;
    let mut params = PatchParams::apply(MANAGER).force();
    params.dry_run = true;
    let apply = async {
        let request = Request::new(path.clone())
            .patch(&id.name, &params, &Patch::Apply(body))
            .map_err(kube::Error::BuildRequest)?;
        connection.client.request::<Value>(request).await.map_err(shown)
    };
    let applied = connection.within(DEADLINE, apply).await?;
    Ok(Comparison { live, applied })
}
