use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// A response that refuses a request: `{"error": why}`.
pub(super) fn refusal(status: StatusCode, why: &str) -> Response {
    (status, Json(serde_json::json!({ "error": why }))).into_response()
}
