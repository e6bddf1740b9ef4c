use super::connection::Connection;
use super::failure::classify;
use super::own_fields::{Live, own_defaults};
use super::ownership::ownership;
use super::resource_path::collection_path;
use super::server_text::{PAGE_REASON, causes, reduced_for_secret, without_values};
use crate::model::ObjectId;
use crate::port::{Applied, ClusterFailure, Mode};
use crate::resource::{MANAGER, ResourceVersion, ServedKind, UnownedField, is_immutable};
use kube::api::{Patch, PatchParams};
use kube::client::Body;
use kube::core::{PartialObjectMeta, Request, Status};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

/// A webhook may take 30 s at most. The client's own retries stay within this deadline too.
const DEADLINE: Duration = Duration::from_secs(35);

/// An object as an apply left it, or would leave it.
pub(super) struct Forced<T> {
    /// Whether the apply created the object.
    pub(super) created: bool,
    /// The part of the object that is read.
    pub(super) object: T,
}

/// What the server said to a patch.
enum Answer<T> {
    /// The object as the patch left it.
    Applied(Forced<T>),
    /// The object is invalid.
    Invalid(Box<Status>),
}

/// Server-side apply of one object. Only the metadata of the answer is parsed.
pub(super) async fn apply(
    connection: &Connection,
    kind: &ServedKind,
    id: &ObjectId,
    body: &Value,
    mode: Mode,
) -> Result<Applied, ClusterFailure> {
    let forced: Forced<PartialObjectMeta> = force(connection, kind, id, body, mode).await?;
    let metadata = forced.object.metadata;
    let ownership = ownership(metadata.managed_fields.as_deref());
    Ok(Applied {
        uid: metadata.uid.unwrap_or_default(),
        version: ResourceVersion::new(metadata.resource_version.unwrap_or_default()),
        generation: metadata.generation,
        fingerprint: ownership.fingerprint,
        owns_replicas: ownership.owns_replicas,
        created: forced.created,
    })
}

/// One request, forced. If the server refuses the object because of a default that belongs to nobody, the default is owned
/// first, and the object is applied again.
pub(super) async fn force<T: DeserializeOwned>(
    connection: &Connection,
    kind: &ServedKind,
    id: &ObjectId,
    body: &Value,
    mode: Mode,
) -> Result<Forced<T>, ClusterFailure> {
    let path = collection_path(kind, id)?;
    let shown = |error| match kind.kind.kind.is("", "Secret") {
        true => reduced_for_secret(error),
        false => error,
    };
    let send = async |patch| {
        let sent = async { send(connection, path.clone(), id, mode, patch).await.map_err(shown) };
        connection.within(DEADLINE, sent).await
    };
    let mut answer = send(Patch::Apply(body.clone())).await?;
    if let Answer::Invalid(status) = &answer
        && let Some((live, defaults)) = defaults_in_the_way(connection, kind, id, status).await?
    {
        let again = match mode {
            Mode::Write => {
                own_defaults(connection, kind, id, &live, &defaults).await?;
                Patch::Apply(body.clone())
            }
            // A dry run cannot own anything. A merge shows what the server says to the object without the defaults.
            Mode::DryRun => Patch::Merge(live.merge_without(body, &defaults)),
        };
        answer = send(again).await?;
    }
    match answer {
        Answer::Applied(forced) => Ok(forced),
        Answer::Invalid(status) => {
            let immutable = is_immutable(&without_values(&status));
            let failure = classify(connection.url(), &shown(kube::Error::Api(status)));
            Err(match failure {
                ClusterFailure::Refused { message } if immutable => ClusterFailure::Immutable { message },
                failure => failure,
            })
        }
    }
}

/// The live object and its defaults that may have caused this refusal, if there are any.
async fn defaults_in_the_way(
    connection: &Connection,
    kind: &ServedKind,
    id: &ObjectId,
    refusal: &Status,
) -> Result<Option<(Live, Vec<UnownedField>)>, ClusterFailure> {
    let causes = causes(refusal);
    if causes.is_empty() {
        return Ok(None);
    }
    let live = match Live::read(connection, kind, id).await {
        Err(failure) if failure.is_outage() => return Err(failure),
        // The refusal says more than a second failure.
        other => other.ok().flatten(),
    };
    let found = live.map(|live| {
        let defaults = live.defaults_in_the_way(causes);
        (live, defaults)
    });
    Ok(found.filter(|(_, defaults)| !defaults.is_empty()))
}

/// Sends the patch. Status code 201 means that the object was created.
async fn send<T: DeserializeOwned>(
    connection: &Connection,
    path: String,
    id: &ObjectId,
    mode: Mode,
    patch: Patch<Value>,
) -> Result<Answer<T>, kube::Error> {
    let mut params = match patch {
        Patch::Apply(_) => PatchParams::apply(MANAGER).force(),
        _ => PatchParams {
            field_manager: Some(MANAGER.to_owned()),
            ..PatchParams::default()
        },
    };
    params.dry_run = mode == Mode::DryRun;
    let request = Request::new(path)
        .patch(&id.name, &params, &patch)
        .map_err(kube::Error::BuildRequest)?;
    let response = connection.client.send(request.map(Body::from)).await?;
    let code = response.status();
    let bytes = response.into_body().collect_bytes().await?;
    if code.is_success() {
        return Ok(Answer::Applied(Forced {
            created: code.as_u16() == 201,
            object: serde_json::from_slice(&bytes).map_err(kube::Error::SerdeError)?,
        }));
    }
    let status = serde_json::from_slice::<Status>(&bytes).unwrap_or_else(|_| Status::failure("", PAGE_REASON));
    let status = status.with_code(code.as_u16()).boxed();
    match code.as_u16() {
        422 => Ok(Answer::Invalid(status)),
        _ => Err(kube::Error::Api(status)),
    }
}
