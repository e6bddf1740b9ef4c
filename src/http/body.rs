use super::refusal::refusal;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::time::timeout;

/// The longest time for a body. A body fits into a few packets; a slower sender only keeps the connection open.
const DEADLINE: Duration = Duration::from_secs(10);

/// Reads the body, within the deadline and up to `max` bytes. The error is the response to the caller.
pub(super) async fn bytes(request: Request, max: usize) -> Result<Bytes, Response> {
    match timeout(DEADLINE, to_bytes(Body::new(request.into_body()), max)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("the body is incomplete or longer than {max} bytes"),
        )),
        Err(_) => Err(refusal(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")),
    }
}

/// Reads the body as a JSON object. An empty body is the default value.
pub(super) async fn json<T: DeserializeOwned + Default>(request: Request, max: usize) -> Result<T, Response> {
    let bytes = bytes(request, max).await?;
    if bytes.is_empty() {
        return Ok(T::default());
    }
    // The detour over a map refuses an array, which serde accepts for a struct.
    let object = serde_json::from_slice::<serde_json::Map<_, _>>(&bytes).map(serde_json::Value::Object);
    object
        .and_then(serde_json::from_value)
        .map_err(|error| refusal(StatusCode::BAD_REQUEST, &format!("the body is invalid: {error}")))
}
