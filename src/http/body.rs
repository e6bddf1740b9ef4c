use super::refusal::refusal;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{timeout, timeout_at};

/// The longest time for a body. A body fits into a few packets; a slower sender only keeps the connection open.
const DEADLINE: Duration = Duration::from_secs(10);

/// The longest time for the first kilobyte of a body, for a slot, and for the rest of the body in that slot.
const STEP_DEADLINE: Duration = Duration::from_secs(5);

/// The bytes that a sender must have sent before it gets a slot.
const FIRST_PART: usize = 1024;

/// Reads the body, within the deadline and up to `max` bytes. The error is the response to the caller.
pub(super) async fn bytes(request: Request, max: usize) -> Result<Bytes, Response> {
    match timeout(DEADLINE, to_bytes(Body::new(request.into_body()), max)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(too_large(max)),
        Err(_) => Err(too_slow()),
    }
}

/// The same for a body whose sender has proven nothing. The sender gets one of the slots once the first kilobyte is here, or the
/// whole body: who drips bytes, or sends none, takes no slot. The error is the response to the caller.
pub(super) async fn bytes_by_slot(request: Request, max: usize, slots: &Semaphore) -> Result<Bytes, Response> {
    let mut rest = request.into_body().into_data_stream();
    let mut first = Vec::new();
    let until = tokio::time::Instant::now() + STEP_DEADLINE;
    while first.len() < FIRST_PART {
        match timeout_at(until, rest.next()).await {
            Ok(Some(Ok(part))) => first.extend_from_slice(&part),
            Ok(Some(Err(_))) => return Err(too_large(max)),
            Ok(None) => return Ok(first.into()),
            Err(_) => return Err(too_slow()),
        }
    }
    let Ok(Ok(_slot)) = timeout(STEP_DEADLINE, slots.acquire()).await else {
        return Err(refusal(
            StatusCode::TOO_MANY_REQUESTS,
            "too many pushes at the same time; try again later",
        ));
    };
    let whole = stream::once(async { Ok(Bytes::from(first)) }).chain(rest.map_err(axum::Error::into_inner));
    match timeout(STEP_DEADLINE, to_bytes(Body::from_stream(whole), max)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(too_large(max)),
        Err(_) => Err(too_slow()),
    }
}

fn too_large(max: usize) -> Response {
    refusal(
        StatusCode::PAYLOAD_TOO_LARGE,
        &format!("the body is incomplete or longer than {max} bytes"),
    )
}

fn too_slow() -> Response {
    refusal(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")
}

/// Reads the body as a JSON object. An empty body is an object without keys.
pub(super) async fn json<T: DeserializeOwned>(request: Request, max: usize) -> Result<T, Response> {
    let mut bytes = bytes(request, max).await?;
    if bytes.is_empty() {
        bytes = Bytes::from_static(b"{}");
    }
    // The detour over a map refuses an array, which serde accepts for a struct.
    let object = serde_json::from_slice::<serde_json::Map<_, _>>(&bytes).map(serde_json::Value::Object);
    object
        .and_then(serde_json::from_value)
        .map_err(|error| refusal(StatusCode::BAD_REQUEST, &format!("the body is invalid: {error}")))
}
