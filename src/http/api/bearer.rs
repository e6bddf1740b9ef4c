use crate::http::refusal::refusal;
use crate::http::state::Shared;
use crate::http::token::TokenError;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

/// Lets a request through if it has the agent's token in its `Authorization` header.
pub(super) async fn require_token(State(state): Shared, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    match state.server.token.matches(given.as_deref().unwrap_or_default()).await {
        Ok(true) if given.is_some() => next.run(request).await,
        Ok(_) => unauthorized(match given {
            None => "the request has no bearer token",
            Some(_) => "the token of the request is not the agent's token",
        }),
        Err(error) => {
            if !matches!(error, TokenError::NotConfigured) {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "commands over HTTP are refused"
                );
            }
            refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
        }
    }
}

fn unauthorized(why: &str) -> Response {
    let mut response = refusal(StatusCode::UNAUTHORIZED, why);
    let challenge = header::HeaderValue::from_static("Bearer");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}
