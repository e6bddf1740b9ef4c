use super::routes::{Server, router};
use axum::Router;
use hyper::server::conn::http1;
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

/// Connections at the same time: probes, a few scrapers, a few people.
const CONNECTIONS: usize = 128;

/// From the first byte of a request to the end of its headers, and between two requests.
const HEADER_DEADLINE: Duration = Duration::from_secs(30);

/// Headers of ordinary clients are far below.
const LONGEST_HEADER: usize = 16 * 1024;

/// After this a connection is closed between two requests, so that none is held for ever.
const OLDEST: Duration = Duration::from_secs(30 * 60);

/// When no connection can be taken (no file handles left): time for others to end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The server has ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listening socket is of no more use.
    #[error("the HTTP port's socket is broken")]
    Listener(#[source] io::Error),
}

/// Answers requests until `shutdown`; what is in flight then has [`ServerLimits::drain`](super::ServerLimits) to end.
///
/// # Errors
/// When the listener is broken.
pub async fn serve(
    listener: TcpListener,
    server: Server,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let limits = server.limits;
    let app = router(server);
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    let mut shutdown = pin!(shutdown);
    let ended = loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            () = &mut shutdown => break Ok(()),
            next = next => next,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, app.clone(), stop.clone(), limits.call, limits.drain);
                tasks.spawn(async move {
                    connection.await;
                    drop(slot);
                });
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => break Err(ServeError::Listener(error)),
            Err(error) => {
                tracing::warn!(%error, "an HTTP connection cannot be taken");
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

async fn connection(stream: TcpStream, app: Router, stop: CancellationToken, call: Duration, drain: Duration) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .max_buf_size(LONGEST_HEADER);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app)));
    let patience = tokio::select! {
        _ = connection.as_mut() => return,
        () = stop.cancelled() => drain,
        () = sleep(OLDEST) => call + drain,
    };
    connection.as_mut().graceful_shutdown();
    let ending = timeout(patience, connection.as_mut());
    let late = tokio::select! {
        ended = ending => ended.is_err(),
        () = async { stop.cancelled().await; sleep(drain).await } => true,
    };
    if late {
        tracing::debug!("an HTTP connection was cut off");
    }
}
