use super::peers::{Peer, Peers};
use super::probes::Probes;
use super::router::{probes_router, router};
use super::state::{Server, ServerLimits};
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The largest number of connections: a few scrapers, a few people, a CI system that waits for passes.
const CONNECTIONS: usize = 256;

/// The longest time from the connection to the first byte of a request. A connection that stays idle only takes room.
const FIRST_BYTE: Duration = Duration::from_secs(5);

/// The longest time from the first byte of a request to the end of its headers, and between two requests.
const HEADER_DEADLINE: Duration = Duration::from_secs(30);

/// The longest header section, in bytes. Ordinary clients send much less.
const MAX_HEADER: usize = 16 * 1024;

/// The longest life of a connection. After this time it is closed between two requests.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);

/// The pause after a failed accept (no file handle is free), so that other connections can end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Why the server ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listening socket is broken.
    #[error("the socket of the HTTP port is broken")]
    Listener(#[source] io::Error),
}

/// Serves requests until `shutdown`. Requests in flight at that time may take [`ServerLimits::drain`](super::ServerLimits) to
/// end.
///
/// # Errors
/// When the listening socket is broken.
pub async fn serve(
    listener: TcpListener,
    server: Server,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let limits = server.limits;
    serve_app(listener, router(server), limits, shutdown).await
}

/// Serves `/healthz` and `/readyz` alone, on a port of their own. Whatever occupies the other port, the probes of Kubernetes
/// are answered.
///
/// # Errors
/// When the listening socket is broken.
pub async fn serve_probes(
    listener: TcpListener,
    health: Arc<dyn Probes>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    serve_app(listener, probes_router(health), ServerLimits::default(), shutdown).await
}

async fn serve_app(
    listener: TcpListener,
    app: Router,
    limits: ServerLimits,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let app = TowerToHyperService::new(app);
    let peers = Arc::new(Peers::default());
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let mut shutdown = pin!(shutdown);
    let ended = loop {
        let next = async {
            let permit = Arc::clone(&permits).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            () = &mut shutdown => break Ok(()),
            next = next => next,
        };
        match accepted {
            Ok((stream, address)) => {
                let peer = Peer::from(address);
                let Some(open) = peers.enter(peer) else {
                    tracing::debug!(%address, "an HTTP connection was closed: its peer has too many");
                    continue;
                };
                let connection = Connection {
                    stream,
                    peer,
                    app: app.clone(),
                };
                let ended = connection.serve(stop.clone(), limits);
                tasks.spawn(async move {
                    ended.await;
                    drop((permit, open));
                });
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => break Err(ServeError::Listener(error)),
            Err(error) => {
                tracing::warn!(%error, "an HTTP connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    };
    drop(listener);
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    ended
}

/// An accepted connection.
struct Connection {
    stream: TcpStream,
    peer: Peer,
    app: TowerToHyperService<Router>,
}

impl Connection {
    async fn serve(self, stop: CancellationToken, limits: ServerLimits) {
        let Self { stream, peer, app } = self;
        let mut first = [0];
        let first = timeout(FIRST_BYTE, stream.peek(&mut first));
        match stop.run_until_cancelled(first).await {
            Some(Ok(Ok(1))) => {}
            _ => return,
        }
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            app.call(request)
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(HEADER_DEADLINE)
            .max_buf_size(MAX_HEADER);
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
        let time_left = tokio::select! {
            _ = connection.as_mut() => return,
            () = stop.cancelled() => limits.drain,
            () = sleep(MAX_AGE) => limits.call + limits.drain,
        };
        connection.as_mut().graceful_shutdown();
        let ending = timeout(time_left, connection.as_mut());
        let timed_out = tokio::select! {
            ended = ending => ended.is_err(),
            () = async { stop.cancelled().await; sleep(limits.drain).await } => true,
        };
        if timed_out {
            tracing::debug!("an HTTP connection was closed before its response ended");
        }
    }
}
