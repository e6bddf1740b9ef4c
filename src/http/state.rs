use super::commands::Commands;
use super::peers::PeerRates;
use super::probes::Probes;
use super::token::TokenFile;
use crate::telemetry::Metrics;
use axum::extract::State;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The longest times that a caller may occupy the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// For a call that waits for a pass.
    pub call: Duration,
    /// For requests in flight at shutdown.
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

/// What the server needs to answer.
pub struct Server {
    /// Runs the commands of `/v1`.
    pub commands: Arc<dyn Commands>,
    /// Answers `/healthz` and `/readyz`.
    pub health: Arc<dyn Probes>,
    /// The metrics of `/metrics`.
    pub metrics: Metrics,
    /// The file with the bearer token of `/v1`.
    pub token: TokenFile,
    /// The file with the secret that forges sign their pushes with.
    pub hook_secret: TokenFile,
    /// The time limits.
    pub limits: ServerLimits,
}

/// The largest number of calls that wait for a pass: one for each image that a large build pushes. The calls share the
/// pass, so more of them are a mistake or an attack. Half of the port's connections stay free for other requests.
const CALLS: usize = 64;

/// The largest number of push bodies that are read at the same time, behind their first kilobyte. Any sender with a well-formed
/// signature header causes such a read.
const PUSHES: usize = 8;

/// The server and its concurrency limits, as the handlers see them.
pub(super) struct ServerState {
    pub(super) server: Server,
    pub(super) calls: Semaphore,
    pub(super) pushes: Semaphore,
    pub(super) push_rates: PeerRates,
}

impl ServerState {
    pub(super) fn new(server: Server) -> Arc<Self> {
        Arc::new(Self {
            server,
            calls: Semaphore::new(CALLS),
            pushes: Semaphore::new(PUSHES),
            push_rates: PeerRates::default(),
        })
    }
}

/// The extractor of the state in handlers.
pub(super) type Shared = State<Arc<ServerState>>;
