//! The answer to an HTTP request, and what a failed request means.

use crate::git::transport::error::Error;
use crate::git::transport::server_message;
use reqwest::Response;
use std::io;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// An answer whose body is still to be read.
pub(crate) struct Answer {
    response: Response,
    server: String,
    idle: Duration,
    stop: CancellationToken,
}

impl Answer {
    /// `idle` is the longest silence; `stop` ends the reading.
    pub(crate) fn new(response: Response, server: String, idle: Duration, stop: CancellationToken) -> Self {
        Self {
            response,
            server,
            idle,
            stop,
        }
    }

    /// The next bytes of the body; `None` at its end.
    pub(crate) async fn read(&mut self, until: Instant) -> Result<Option<Vec<u8>>, Error> {
        let server = self.server.clone();
        // A body without an end would never wait, and never time out below.
        if until <= Instant::now() {
            return Err(Error::Overdue { server });
        }
        let end = until.min(Instant::now() + self.idle);
        let chunk = timeout_at(end, self.response.chunk());
        match self.stop.run_until_cancelled(chunk).await {
            None => Err(Error::Stopped { server }),
            Some(Ok(Ok(chunk))) => Ok(chunk.map(Vec::from)),
            Some(Ok(Err(source))) => Err(broken(server, self.idle, source)),
            Some(Err(_)) if until <= Instant::now() => Err(Error::Overdue { server }),
            Some(Err(_)) => Err(Error::Silent {
                server,
                phase: "waiting for data",
                after: self.idle,
            }),
        }
    }

    /// Reads the rest of the body, so that what runs on the server (hooks, housekeeping) is not cut off and the connection
    /// can serve the next request.
    pub(crate) async fn drain(mut self, longest: Duration) {
        let until = Instant::now() + longest;
        while let Ok(Some(_)) = self.read(until).await {}
    }

    /// The beginning of a body that is not git's protocol, as plain text.
    pub(crate) async fn message(&mut self) -> String {
        let until = Instant::now() + self.idle;
        let mut text = Vec::new();
        while text.len() < server_message::LONGEST_RAW
            && let Ok(Some(chunk)) = self.read(until).await
        {
            text.extend(chunk);
        }
        text.truncate(server_message::LONGEST_RAW);
        server_message::plain(&text)
    }
}

/// The error for a failed request, by the step that failed.
pub(crate) fn broken(server: String, connect: Duration, source: reqwest::Error) -> Error {
    let source = source.without_url();
    if source.is_connect() && source.is_timeout() {
        return Error::Silent {
            server,
            phase: "TCP connection and TLS handshake",
            after: connect,
        };
    }
    if is_tls(&source) {
        return Error::Tls { server, source };
    }
    if source.is_connect() {
        return Error::HttpConnect { server, source };
    }
    Error::HttpBroken { server, source }
}

/// A TLS failure is invalid data for the TLS layer, wrapped once or twice.
fn is_tls(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let mut wrapped = error.downcast_ref::<io::Error>();
        while let Some(error) = wrapped {
            if error.kind() == io::ErrorKind::InvalidData {
                return true;
            }
            wrapped = error.get_ref().and_then(|inner| inner.downcast_ref());
        }
        cause = error.source();
    }
    false
}
