use super::commands::{CommandError, Commands, Probes};
use super::hook::{self, Signature};
use super::token::{TokenError, TokenFile};
use crate::model::ImageRef;
use crate::telemetry::Metrics;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::future::BoxFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// A repository's name and its braces.
const LONGEST_BODY: usize = 4096;

/// The body is one packet; whoever takes longer holds a connection open.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// Calls that wait for a pass at the same time: a call for each image that a large build has pushed. They share the pass, so
/// that more of them are a mistake or an attack; half of the port's connections stay free for other questions.
const CALLS: usize = 64;

/// A push of a thousand commits, each with a few files. A forge that tells of more is not heard; the next poll is.
const LONGEST_PUSH: usize = 4 << 20;

/// Bodies of pushes that are read at the same time, by whoever sends something that looks like a signature.
const PUSHES: usize = 8;

/// How long callers may keep the server busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// A call that waits for a pass.
    pub call: Duration,
    /// What is in flight at shutdown.
    pub drain: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(600),
            drain: Duration::from_secs(10),
        }
    }
}

/// What the server answers with.
pub struct Server {
    /// Carries out `/v1`.
    pub commands: Arc<dyn Commands>,
    /// Answers `/healthz` and `/readyz`.
    pub health: Arc<dyn Probes>,
    /// Rendered at `/metrics`.
    pub metrics: Metrics,
    /// Opens `/v1`.
    pub token: TokenFile,
    /// What forges sign their pushes with.
    pub hook_secret: TokenFile,
    /// Bounds.
    pub limits: ServerLimits,
}

struct Room {
    server: Server,
    calls: Semaphore,
    pushes: Semaphore,
}

type Shared = State<Arc<Room>>;

pub(super) fn router(server: Server) -> Router {
    let room = Arc::new(Room {
        server,
        calls: Semaphore::new(CALLS),
        pushes: Semaphore::new(PUSHES),
    });
    let commands = Router::new()
        .route("/v1/scan", post(scan))
        .route("/v1/sync", post(sync))
        .route("/v1/status", get(status))
        .layer(middleware::from_fn_with_state(Arc::clone(&room), with_token));
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/hooks/push", post(push))
        .merge(commands)
        .fallback(async || refusal(StatusCode::NOT_FOUND, "no such path"))
        .method_not_allowed_fallback(async || refusal(StatusCode::METHOD_NOT_ALLOWED, "not with this method"))
        .with_state(room)
}

async fn metrics(State(room): Shared) -> Response {
    (
        [(header::CONTENT_TYPE, Metrics::MEDIA_TYPE)],
        room.server.metrics.render(),
    )
        .into_response()
}

async fn healthz(State(room): Shared) -> Response {
    verdict(&room.server.health.stuck())
}

async fn readyz(State(room): Shared) -> Response {
    verdict(&room.server.health.not_ready())
}

fn verdict(reasons: &[String]) -> Response {
    if reasons.is_empty() {
        return "ok\n".into_response();
    }
    let mut text = reasons.join("\n");
    text.push('\n');
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScanCall {
    repository: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SyncCall {}

async fn scan(State(room): Shared, request: Request) -> Response {
    let call: ScanCall = match read(request).await {
        Ok(call) => call,
        Err(refused) => return refused,
    };
    let repository = match call.repository.as_deref().map(canonical).transpose() {
        Ok(repository) => repository,
        Err(why) => return refusal(StatusCode::BAD_REQUEST, &why),
    };
    carry_out(&room, room.server.commands.scan(repository)).await
}

async fn sync(State(room): Shared, request: Request) -> Response {
    if let Err(refused) = read::<SyncCall>(request).await {
        return refused;
    }
    carry_out(&room, room.server.commands.sync()).await
}

async fn status(State(room): Shared) -> Response {
    Json(room.server.commands.status()).into_response()
}

/// What is not signed is refused before its body is read.
async fn push(State(room): Shared, request: Request) -> Response {
    let Some(signature) = Signature::shown(request.headers()) else {
        return refusal(
            StatusCode::UNAUTHORIZED,
            "a signature is wanted: X-Hub-Signature-256, X-Gitea-Signature or X-Gitlab-Token",
        );
    };
    let secret = match room.server.hook_secret.read().await {
        Ok(secret) => secret,
        Err(TokenError::NotConfigured) => {
            return refusal(
                StatusCode::SERVICE_UNAVAILABLE,
                "no secret is configured, so that pushes are not heard of; set http.webhook.secretFile",
            );
        }
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "pushes are not heard of");
            return refusal(StatusCode::SERVICE_UNAVAILABLE, &error.to_string());
        }
    };
    let Ok(_slot) = room.pushes.try_acquire() else {
        return refusal(
            StatusCode::TOO_MANY_REQUESTS,
            "too many pushes at once; try again later",
        );
    };
    let body = match bytes(request, LONGEST_PUSH).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    if !signature.holds(&secret, &body) {
        tracing::debug!("a webhook was not signed with the secret");
        return refusal(
            StatusCode::UNAUTHORIZED,
            "this is not signed with the agent's secret; give the forge's webhook the one in http.webhook.secretFile",
        );
    }
    let branch = hook::branch(&body);
    let woken = room.server.commands.pushed(branch.as_deref());
    tracing::debug!(branch, woken, "the forge tells of a push");
    (StatusCode::ACCEPTED, Json(serde_json::json!({ "woken": woken }))).into_response()
}

async fn with_token(State(room): Shared, request: Request, next: Next) -> Response {
    let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    match room.server.token.opens(shown.as_deref().unwrap_or_default()).await {
        Ok(true) if shown.is_some() => next.run(request).await,
        Ok(_) => {
            let why = match shown {
                None => "a bearer token is wanted",
                Some(_) => "this token is not the agent's",
            };
            let mut refused = refusal(StatusCode::UNAUTHORIZED, why);
            let challenge = header::HeaderValue::from_static("Bearer");
            refused.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            refused
        }
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

async fn carry_out(room: &Room, command: BoxFuture<'_, Result<super::CommandReport, CommandError>>) -> Response {
    let Ok(_slot) = room.calls.try_acquire() else {
        return refusal(
            StatusCode::TOO_MANY_REQUESTS,
            "too many calls are waiting already; try again later",
        );
    };
    match timeout(room.server.limits.call, command).await {
        Ok(Ok(report)) => Json(report).into_response(),
        Ok(Err(error)) => {
            let status = match error {
                CommandError::Unknown(_) => StatusCode::NOT_FOUND,
                CommandError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
                CommandError::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
            };
            refusal(status, &error.to_string())
        }
        Err(_) => {
            let waited = room.server.limits.call.as_secs_f64();
            refusal(
                StatusCode::GATEWAY_TIMEOUT,
                &format!("the pass has not ended within {waited} s; it goes on, see /v1/status and the agent's log"),
            )
        }
    }
}

/// The body, in time and within its bound.
async fn bytes(request: Request, most: usize) -> Result<Bytes, Response> {
    match timeout(BODY_DEADLINE, to_bytes(Body::new(request.into_body()), most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("the body breaks off or is longer than {most} bytes"),
        )),
        Err(_) => Err(refusal(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")),
    }
}

/// The body as JSON; none at all is the default.
async fn read<T: DeserializeOwned + Default>(request: Request) -> Result<T, Response> {
    let bytes = bytes(request, LONGEST_BODY).await?;
    if bytes.is_empty() {
        return Ok(T::default());
    }
    // An object by name only: serde would also take an array for a struct.
    let object = serde_json::from_slice::<serde_json::Map<_, _>>(&bytes).map(serde_json::Value::Object);
    object
        .and_then(serde_json::from_value)
        .map_err(|error| refusal(StatusCode::BAD_REQUEST, &format!("the body cannot be used: {error}")))
}

/// The repository's canonical name, if this is one.
fn canonical(text: &str) -> Result<String, String> {
    let image = ImageRef::parse(text).map_err(|error| error.to_string())?;
    if image.tag().is_some() || image.digest().is_some() {
        return Err(format!(
            "{text:?} is an image: name its repository, without tag and digest"
        ));
    }
    Ok(image.repository().to_string())
}

fn refusal(status: StatusCode, why: &str) -> Response {
    (status, Json(serde_json::json!({ "error": why }))).into_response()
}
