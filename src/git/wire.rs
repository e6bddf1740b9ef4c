//! What is known of the way to the server, whichever way it is: address, deadlines, counts, and the connection kept open.

use super::ahead::Demand;
use super::error::Error;
use super::http::Http;
use super::settings::Settings;
use super::ssh::Ssh;
use super::url::RepoUrl;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// TCP and the login take one to three round trips each; whoever needs longer is not there.
const LONGEST_SETUP: Duration = Duration::from_secs(10);
/// What a push under way still gets when the agent stops: most are through by then, and the others' branch tells the next agent.
const LAST_PUSH: Duration = Duration::from_millis(800);

/// Deadlines of the phases.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phases {
    pub connect: Duration,
    pub login: Duration,
    pub idle: Duration,
}

impl Phases {
    pub(super) fn new(timeout: Duration) -> Self {
        let setup = timeout.min(LONGEST_SETUP);
        Self {
            connect: setup,
            login: setup,
            idle: timeout,
        }
    }
}

/// How much was done on the wire since the start.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub connections: AtomicU64,
    pub channels: AtomicU64,
    pub sent: AtomicU64,
    pub received: AtomicU64,
}

/// Address, deadlines, counts, and the lines of both kinds; which one is used is up to the address.
pub(super) struct Wire {
    pub url: RepoUrl,
    pub phases: Phases,
    pub counts: Counts,
    pub ssh: Ssh,
    pub http: Http,
    /// Ends fetches and everything else that only reads.
    pub reading: CancellationToken,
    /// Ends pushes.
    pub pushing: CancellationToken,
    /// What the server can do when it receives a push, as it said at the last one.
    pub receives: Mutex<Option<Vec<u8>>>,
    pub demand: Mutex<Demand>,
}

impl Wire {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            url: settings.url.clone(),
            phases: Phases::new(settings.timeout),
            counts: Counts::default(),
            ssh: Ssh::new(Arc::clone(&settings.key), settings.host_keys.clone()),
            http: Http::new(settings.http.clone()),
            reading: CancellationToken::new(),
            pushing: CancellationToken::new(),
            receives: Mutex::new(None),
            demand: Mutex::new(Demand::new()),
        }
    }

    /// Ends every wait for the server: at once, a push a moment later. To be called on an async runtime.
    pub(super) fn stop(&self) {
        self.reading.cancel();
        let pushing = self.pushing.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LAST_PUSH).await;
            pushing.cancel();
        });
    }

    /// What is run on the server to push.
    pub(super) fn receive_command(&self) -> String {
        format!("git-receive-pack {}", self.url.quoted_path())
    }

    /// Waits for `work`, or for the stop.
    pub(super) async fn unless_stopped<T>(
        &self,
        stop: &CancellationToken,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let stopped = || Error::Stopped {
            place: self.url.place(),
        };
        stop.run_until_cancelled(work).await.unwrap_or_else(|| Err(stopped()))
    }
}

/// A panic elsewhere does not make what is behind the lock unusable.
pub(super) fn locked<T>(cell: &Mutex<T>) -> MutexGuard<'_, T> {
    cell.lock().unwrap_or_else(PoisonError::into_inner)
}
