use super::connection::Connection;
use super::ownership::ownership;
use super::resource_path::collection_path;
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
    let sent = connection
        .within(DEADLINE, patch(connection, path, id, body, mode))
        .await;
    let (created, metadata) = sent.map_err(|failure| match kind.kind.kind.is("", "Secret") {
        true => hide_values(failure, body),
        false => failure,
    })?;
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
    let status = serde_json::from_slice::<Status>(&bytes)
        .unwrap_or_else(|_| Status::failure(&String::from_utf8_lossy(&bytes), ""));
    Err(kube::Error::Api(status.with_code(code.as_u16()).boxed()))
}

/// Removes a Secret's values from a failure: the server quotes the values that it rejects.
fn hide_values(failure: ClusterFailure, body: &Value) -> ClusterFailure {
    let ClusterFailure::Refused { mut message } = failure else {
        return failure;
    };
    let held = ["data", "stringData"]
        .into_iter()
        .filter_map(|key| body.get(key)?.as_object());
    let mut values: Vec<String> = held
        .flat_map(|map| map.values())
        .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        .filter(|value| value.len() > 2)
        .collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    for value in values {
        message = message.replace(&value, "<hidden>");
    }
    ClusterFailure::Refused { message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_does_not_quote_the_values_of_a_secret() {
        let body = serde_json::json!({"stringData": {"pin": 123456, "password": "hunter22"}});
        let message = "expected string, got &value{Value:123456} next to hunter22".to_owned();
        let hidden = hide_values(ClusterFailure::Refused { message }, &body).to_string();
        assert_eq!(hidden, "expected string, got &value{Value:<hidden>} next to <hidden>");
    }
}
