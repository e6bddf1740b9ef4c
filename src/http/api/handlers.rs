use super::bearer::require_token;
use crate::http::body;
use crate::http::calls::{ConfirmCall, DiffCall, LiftCall, Question, WhyCall};
use crate::http::commands::CommandError;
use crate::http::peers::Peer;
use crate::http::refusal::refusal;
use crate::http::state::{ServerState, Shared};
use crate::model::ImageRef;
use crate::status::Versioned;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::time::timeout;

/// The longest body, in bytes: a JSON object with the name of a repository or of a commit.
const MAX_BODY: usize = 4096;

/// The longest body of a call that may name some hundred objects.
const MAX_NAMES: usize = 64 * 1024;

/// The paths below `/v1`. Each requires the token.
pub(in crate::http) fn routes(state: &Arc<ServerState>) -> Router<Arc<ServerState>> {
    Router::new()
        .route("/v1/scan", post(scan))
        .route("/v1/sync", post(sync))
        .route("/v1/plan", post(plan))
        .route("/v1/diff", post(diff))
        .route("/v1/why", post(why))
        .route("/v1/holds", post(holds))
        .route("/v1/resume", post(resume))
        .route("/v1/release", post(release))
        .route("/v1/confirm", post(confirm))
        .route("/v1/status", get(status))
        .layer(middleware::from_fn_with_state(Arc::clone(state), require_token))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScanCall {
    repository: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SyncCall {}

async fn scan(State(state): Shared, request: Request) -> Response {
    let call: ScanCall = match body::json(request, MAX_BODY).await {
        Ok(call) => call,
        Err(refused) => return refused,
    };
    let repository = match call.repository.as_deref().map(canonical).transpose() {
        Ok(repository) => repository,
        Err(why) => return refusal(StatusCode::BAD_REQUEST, &why),
    };
    run(&state, state.server.commands.scan(repository)).await
}

async fn sync(State(state): Shared, request: Request) -> Response {
    if let Err(refused) = body::json::<SyncCall>(request, MAX_BODY).await {
        return refused;
    }
    run(&state, state.server.commands.sync()).await
}

async fn plan(State(state): Shared, request: Request) -> Response {
    match body::json::<Question>(request, MAX_BODY).await {
        Ok(question) => run(&state, state.server.commands.plan(question)).await,
        Err(refused) => refused,
    }
}

async fn diff(State(state): Shared, request: Request) -> Response {
    match body::json::<DiffCall>(request, MAX_BODY).await {
        Ok(call) => run(&state, state.server.commands.diff(call)).await,
        Err(refused) => refused,
    }
}

async fn why(State(state): Shared, request: Request) -> Response {
    match body::json::<WhyCall>(request, MAX_BODY).await {
        Ok(call) => run(&state, state.server.commands.why(call)).await,
        Err(refused) => refused,
    }
}

async fn holds(State(state): Shared, request: Request) -> Response {
    match body::json::<Question>(request, MAX_BODY).await {
        Ok(question) => run(&state, state.server.commands.holds(question)).await,
        Err(refused) => refused,
    }
}

async fn resume(State(state): Shared, Extension(peer): Extension<Peer>, request: Request) -> Response {
    match lift_call(peer, request).await {
        Ok(call) => run(&state, state.server.commands.resume(call)).await,
        Err(refused) => refused,
    }
}

async fn release(State(state): Shared, Extension(peer): Extension<Peer>, request: Request) -> Response {
    match lift_call(peer, request).await {
        Ok(call) => run(&state, state.server.commands.release(call)).await,
        Err(refused) => refused,
    }
}

async fn confirm(State(state): Shared, Extension(peer): Extension<Peer>, request: Request) -> Response {
    match commit_call::<ConfirmCall>(peer, request).await {
        Ok(call) => run(&state, state.server.commands.confirm(call)).await,
        Err(refused) => refused,
    }
}

async fn lift_call(peer: Peer, request: Request) -> Result<LiftCall, Response> {
    let call: LiftCall = commit_call(peer, request).await?;
    match call.mistake() {
        None => Ok(call),
        Some(why) => Err(refusal(StatusCode::BAD_REQUEST, why)),
    }
}

/// Reads a call that makes a commit. The error is the response to the caller.
async fn commit_call<T: DeserializeOwned>(peer: Peer, request: Request) -> Result<T, Response> {
    if !peer.is_loopback() {
        return Err(refusal(
            StatusCode::FORBIDDEN,
            "a call that makes a commit is answered on loopback only: use kubectl exec or kubectl port-forward",
        ));
    }
    body::json(request, MAX_NAMES).await
}

async fn status(State(state): Shared) -> Response {
    Json(Versioned::new(state.server.commands.status())).into_response()
}

/// Runs a command within the limits of the server.
async fn run<R: Serialize>(state: &ServerState, command: BoxFuture<'_, Result<R, CommandError>>) -> Response {
    let Ok(_permit) = state.calls.try_acquire() else {
        return refusal(
            StatusCode::TOO_MANY_REQUESTS,
            "too many calls wait for a pass; try again later",
        );
    };
    match timeout(state.server.limits.call, command).await {
        Ok(Ok(report)) => Json(Versioned::new(report)).into_response(),
        Ok(Err(error)) => {
            let status = match error {
                CommandError::Unknown(_) => StatusCode::NOT_FOUND,
                CommandError::SwitchedOff(_) => StatusCode::CONFLICT,
                CommandError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
                CommandError::OtherConfiguration => StatusCode::PRECONDITION_FAILED,
                CommandError::Failed(_) => StatusCode::UNPROCESSABLE_ENTITY,
            };
            refusal(status, &error.to_string())
        }
        Err(_) => {
            let waited = state.server.limits.call.as_secs_f64();
            refusal(
                StatusCode::GATEWAY_TIMEOUT,
                &format!("the pass did not end within {waited} s; it continues: see /v1/status and the agent's log"),
            )
        }
    }
}

/// The canonical name of a repository.
fn canonical(text: &str) -> Result<String, String> {
    let image = ImageRef::parse(text).map_err(|error| error.to_string())?;
    if image.tag().is_some() || image.digest().is_some() {
        return Err(format!(
            "{text:?} is an image; give the repository without tag and digest"
        ));
    }
    Ok(image.repository().to_string())
}
