use super::event::pushed_branch;
use super::signature::Signature;
use crate::http::body;
use crate::http::peers::Peer;
use crate::http::refusal::refusal;
use crate::http::state::{ServerState, Shared};
use crate::http::token::TokenError;
use crate::model::{Printable, Secret};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use std::time::Instant;

/// The longest body of a push, in bytes: a thousand commits with a few files each. A longer push is refused, and the next
/// poll finds it.
const MAX_BODY: usize = 4 << 20;

/// A forge reports a push. A request without a signature is refused before its body is read, and so is a request whose header
/// holds another secret (GitLab). Only a request that the body must prove (GitHub, Gitea) is limited by its peer's rate and by
/// the slots.
pub(in crate::http) async fn push(
    State(state): Shared,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    let Some(signature) = Signature::read(header) else {
        return refusal(
            StatusCode::UNAUTHORIZED,
            "the request is not signed; expected the header X-Hub-Signature-256, X-Gitea-Signature or X-Gitlab-Token",
        );
    };
    let secret = match secret(&state).await {
        Ok(secret) => secret,
        Err(refused) => return refused,
    };
    let proven = signature.proves_alone(&secret);
    if proven == Some(false) {
        return not_signed();
    }
    let body = match proven {
        Some(_) => body::bytes(request, MAX_BODY).await,
        None if !state.push_rates.allows(peer, Instant::now()) => Err(refusal(
            StatusCode::TOO_MANY_REQUESTS,
            "too many pushes from this address; try again in a few seconds",
        )),
        None => body::bytes_by_slot(request, MAX_BODY, &state.pushes).await,
    };
    let body = match body {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    if proven.is_none() && !signature.is_valid(&secret, &body) {
        return not_signed();
    }
    let branch = pushed_branch(&body);
    let woken = state.server.commands.pushed(branch.as_deref());
    let branch = branch.map(|name| Printable::new(&name).to_string());
    tracing::debug!(branch, woken, "the forge reports a push");
    (StatusCode::ACCEPTED, Json(serde_json::json!({ "woken": woken }))).into_response()
}

fn not_signed() -> Response {
    tracing::debug!("a webhook was refused: its signature was not made with the configured secret");
    refusal(
        StatusCode::UNAUTHORIZED,
        "the signature was not made with the agent's secret; set the secret of http.webhook.secretFile in the forge's \
         webhook",
    )
}

/// The secret of the webhook. The error is the response to the caller.
async fn secret(state: &ServerState) -> Result<Secret, Response> {
    state.server.hook_secret.read().await.map_err(|error| match error {
        TokenError::NotConfigured => refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "pushes are refused because no secret is configured; set http.webhook.secretFile",
        ),
        error => {
            tracing::warn!(error = &error as &dyn std::error::Error, "pushes over HTTP are refused");
            refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
        }
    })
}
