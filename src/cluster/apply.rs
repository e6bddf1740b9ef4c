use super::connection::Connection;
use super::ownership::ownership;
use super::resource_path::collection_path;
use super::server_text::{PAGE_REASON, reduced_for_secret};
use crate::model::ObjectId;
use crate::port::{Applied, ClusterFailure, Mode};
use crate::resource::{MANAGER, ResourceVersion, ServedKind};
use kube::api::{ObjectMeta, Patch, PatchParams};
use kube::client::Body;
use kube::core::{PartialObjectMeta, Request, Status};
use serde_json::Value;
use std::time::Duration;

/// A webhook may take 30 s at most. The client's own retries stay within this deadline too.
const DEADLINE: Duration = Duration::from_secs(35);

/// Server-side apply of one object: one request, forced.
pub(super) async fn apply(
    connection: &Connection,
    kind: &ServedKind,
    id: &ObjectId,
    body: &Value,
    mode: Mode,
) -> Result<Applied, ClusterFailure> {
    let path = collection_path(kind, id)?;
    let request = async {
        let sent = patch(connection, path, id, body, mode).await;
        sent.map_err(|error| match kind.kind.kind.is("", "Secret") {
            true => reduced_for_secret(error),
            false => error,
        })
    };
    let (created, metadata) = connection.within(DEADLINE, request).await?;
    Ok(Applied {
        uid: metadata.uid.unwrap_or_default(),
        version: ResourceVersion::new(metadata.resource_version.unwrap_or_default()),
        generation: metadata.generation,
        fingerprint: ownership(metadata.managed_fields.as_deref()).fingerprint,
        created,
    })
}

/// Sends the patch. Only the metadata of the answer is parsed. Status code 201 means that the object was created.
async fn patch(
    connection: &Connection,
    path: String,
    id: &ObjectId,
    body: &Value,
    mode: Mode,
) -> Result<(bool, ObjectMeta), kube::Error> {
    let mut params = PatchParams::apply(MANAGER).force();
    params.dry_run = mode == Mode::DryRun;
    let request = Request::new(path)
        .patch(&id.name, &params, &Patch::Apply(body))
        .map_err(kube::Error::BuildRequest)?;
    let response = connection.client.send(request.map(Body::from)).await?;
    let code = response.status();
    let bytes = response.into_body().collect_bytes().await?;
    if code.is_success() {
        let answer: PartialObjectMeta = serde_json::from_slice(&bytes).map_err(kube::Error::SerdeError)?;
        return Ok((code.as_u16() == 201, answer.metadata));
    }
    let status = serde_json::from_slice::<Status>(&bytes).unwrap_or_else(|_| Status::failure("", PAGE_REASON));
    Err(kube::Error::Api(status.with_code(code.as_u16()).boxed()))
}
