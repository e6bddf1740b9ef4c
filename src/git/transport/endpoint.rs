use super::error::Error;
use crate::git::url::RepoUrl;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// TCP and the login take one to three round trips each; a server that needs longer is not there.
const LONGEST_SETUP: Duration = Duration::from_secs(10);
/// How long a push may go on after the stop: most pushes end within this time. The next agent reads the outcome of the others
/// from the branch.
const LAST_PUSH: Duration = Duration::from_millis(800);

/// The server's address, with the deadlines, counters and stop signals that both transports share.
pub(crate) struct Endpoint {
    pub url: RepoUrl,
    pub deadlines: Deadlines,
    pub counts: Counts,
    /// Ends fetches and all other reading.
    pub reading: CancellationToken,
    /// Ends pushes.
    pub pushing: CancellationToken,
}

/// The longest that each phase may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadlines {
    pub connect: Duration,
    pub login: Duration,
    /// The longest silence of the server.
    pub idle: Duration,
}

impl Deadlines {
    fn new(timeout: Duration) -> Self {
        let setup = timeout.min(LONGEST_SETUP);
        Self {
            connect: setup,
            login: setup,
            idle: timeout,
        }
    }
}

/// What has gone over the network since the start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub connections: AtomicU64,
    pub channels: AtomicU64,
    pub sent: AtomicU64,
    pub received: AtomicU64,
}

impl Endpoint {
    /// `timeout` is the longest silence of the server.
    pub(crate) fn new(url: RepoUrl, timeout: Duration) -> Self {
        Self {
            url,
            deadlines: Deadlines::new(timeout),
            counts: Counts::default(),
            reading: CancellationToken::new(),
            pushing: CancellationToken::new(),
        }
    }

    /// Ends every wait for the server: reading at once, a push [`LAST_PUSH`] later. Needs an async runtime.
    pub(crate) fn stop(&self) {
        self.reading.cancel();
        let pushing = self.pushing.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LAST_PUSH).await;
            pushing.cancel();
        });
    }

    /// Waits for `work`, or for the stop.
    pub(crate) async fn unless_stopped<T>(
        &self,
        stop: &CancellationToken,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let stopped = || Error::Stopped {
            server: self.url.server(),
        };
        stop.run_until_cancelled(work).await.unwrap_or_else(|| Err(stopped()))
    }

    /// The server's answer breaks the protocol.
    pub(crate) fn not_git(&self, rule: &'static str) -> Error {
        Error::NotGit {
            server: self.url.server(),
            rule,
        }
    }
}
