use super::probes::Probes;
use super::refusal::refusal;
use super::state::{Server, ServerState, Shared};
use super::{api, webhook};
use crate::telemetry::Metrics;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::sync::Arc;

/// All paths of the server.
pub(super) fn router(server: Server) -> Router {
    let state = ServerState::new(server);
    Router::new()
        .route("/metrics", get(metrics))
        .route("/hooks/push", post(webhook::push))
        .merge(api::routes(&state))
        .merge(probes_router(Arc::clone(&state.server.health)))
        .fallback(async || refusal(StatusCode::NOT_FOUND, "unknown path"))
        .method_not_allowed_fallback(async || {
            refusal(StatusCode::METHOD_NOT_ALLOWED, "this path does not support this method")
        })
        .with_state(state)
}

/// The paths of the probes.
pub(super) fn probes_router<S: Clone + Send + Sync + 'static>(health: Arc<dyn Probes>) -> Router<S> {
    let routes = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz));
    routes.with_state(health)
}

/// The extractor of the probes' state.
type Health = State<Arc<dyn Probes>>;

async fn metrics(State(state): Shared) -> Response {
    (
        [(header::CONTENT_TYPE, Metrics::MEDIA_TYPE)],
        state.server.metrics.render(),
    )
        .into_response()
}

async fn healthz(State(health): Health) -> Response {
    probe(&health.stuck())
}

async fn readyz(State(health): Health) -> Response {
    let (unmet, partial) = (health.not_ready(), health.partial());
    if unmet.is_empty() && !partial.is_empty() {
        return format!("ok\npartial: {}\n", partial.join(", ")).into_response();
    }
    probe(&unmet)
}

fn probe(reasons: &[String]) -> Response {
    if reasons.is_empty() {
        return "ok\n".into_response();
    }
    let mut text = reasons.join("\n");
    text.push('\n');
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}
