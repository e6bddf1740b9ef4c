//! Credentials that are kept between calls.
//!
//! Invariants: new credentials are fetched well before the old ones expire; a fetch that fails leaves the old ones in use;
//! one fetch runs at a time, and callers that have nothing else wait for that fetch instead of starting their own; a failure is
//! remembered for a few seconds, so that a thousand callers cause one request.

use super::failure::CredentialsFailure;
use super::source::Source;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// Credentials are fetched anew when a quarter of their life is left, within these bounds, and never before half of it has passed.
const EARLY: std::ops::RangeInclusive<Duration> = Duration::from_secs(5 * 60)..=Duration::from_secs(60 * 60);
/// How long after a failed fetch the next one may start, while there are old credentials.
const RETRY: Duration = Duration::from_secs(15);
/// How long a failure answers other callers, where there are no credentials.
const REMEMBER: Duration = Duration::from_secs(5);
/// The longest time for a fetch, with all its attempts.
const DEADLINE: Duration = Duration::from_secs(30);

/// The credentials of one identity at one endpoint.
pub(super) struct Kept {
    source: Box<dyn Source>,
    now: fn() -> SystemTime,
    state: Mutex<State>,
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    failed: Option<(SystemTime, CredentialsFailure)>,
}

struct Held {
    credentials: Credentials,
    fetch_at: Option<SystemTime>,
}

enum Look {
    /// Credentials that are far from their end.
    Fresh(Credentials),
    /// Credentials that are valid still, and due to be fetched.
    Due(Credentials),
    /// The fetch failed a moment ago.
    Failed(CredentialsFailure),
    Missing,
}

impl Kept {
    pub(super) fn new(source: impl Source + 'static, now: fn() -> SystemTime) -> Self {
        Self {
            source: Box::new(source),
            now,
            state: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        }
    }

    /// The credentials.
    ///
    /// # Errors
    /// There are none that are valid, and none can be fetched.
    pub(super) async fn get(&self) -> Result<Credentials, CredentialsFailure> {
        match self.look() {
            Look::Fresh(credentials) => return Ok(credentials),
            Look::Due(credentials) => {
                return match self.fetching.try_lock() {
                    Ok(_fetching) => self.fetch().await.or(Ok(credentials)),
                    Err(_) => Ok(credentials),
                };
            }
            Look::Failed(failure) => return Err(failure),
            Look::Missing => {}
        }
        let _fetching = self.fetching.lock().await;
        match self.look() {
            Look::Fresh(credentials) | Look::Due(credentials) => Ok(credentials),
            Look::Failed(failure) => Err(failure),
            Look::Missing => self.fetch().await,
        }
    }

    /// Drops the credentials, because AWS says that they ended: the next call fetches others, from the very beginning.
    pub(super) fn forget(&self) {
        *self.state() = State::default();
        self.source.forget();
    }

    fn look(&self) -> Look {
        let now = (self.now)();
        let state = self.state();
        let retries = |pause: Duration| match &state.failed {
            // A clock that was set back must not delay a fetch for long.
            Some((at, _)) => now.duration_since(*at).map_or(true, |since| since >= pause),
            None => true,
        };
        let valid = state.held.as_ref().filter(|held| {
            let ends = held.credentials.expiry();
            ends.is_none_or(|ends| ends > now)
        });
        match (valid, &state.failed) {
            (Some(held), _) => {
                let is_due = held.fetch_at.is_some_and(|at| at <= now) && retries(RETRY);
                let credentials = held.credentials.clone();
                if is_due {
                    Look::Due(credentials)
                } else {
                    Look::Fresh(credentials)
                }
            }
            (None, Some((_, failure))) if !retries(REMEMBER) => Look::Failed(failure.clone()),
            (None, _) => Look::Missing,
        }
    }

    /// Fetches. The caller holds `fetching`.
    async fn fetch(&self) -> Result<Credentials, CredentialsFailure> {
        let fetched = tokio::time::timeout(DEADLINE, self.source.fetch()).await;
        let fetched = fetched.unwrap_or_else(|_| {
            Err(CredentialsFailure::Deadline {
                identity: self.source.identity(),
                seconds: DEADLINE.as_secs(),
            })
        });
        let now = (self.now)();
        let mut state = self.state();
        match fetched {
            Ok(credentials) => {
                state.failed = None;
                state.held = Some(Held {
                    fetch_at: credentials.expiry().map(|ends| fetch_at(now, ends)),
                    credentials: credentials.clone(),
                });
                Ok(credentials)
            }
            Err(failure) => {
                if state.held.is_some() && state.failed.is_none() {
                    tracing::warn!(error = %failure, "credentials could not be renewed; the old ones stay in use until they end");
                }
                state.failed = Some((now, failure.clone()));
                Err(failure)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When credentials that were fetched `now` and end at `ends` are fetched anew.
fn fetch_at(now: SystemTime, ends: SystemTime) -> SystemTime {
    let life = ends.duration_since(now).unwrap_or_default();
    let early = (life / 4).clamp(*EARLY.start(), *EARLY.end()).min(life / 2);
    ends - early
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async { self.get().await.map_err(CredentialsError::provider_error) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(count: u64) -> Duration {
        Duration::from_secs(count * 60)
    }

    #[test]
    fn credentials_are_fetched_well_before_they_end_but_not_at_once() {
        let now = SystemTime::UNIX_EPOCH + minutes(1_000_000);
        for (life, early) in [(60, 15), (720, 60), (15, 5), (8, 4), (1, 0), (0, 0)] {
            let early = if life == 1 {
                Duration::from_secs(30)
            } else {
                minutes(early)
            };
            let ends = now + minutes(life);
            assert_eq!(fetch_at(now, ends), ends - early, "{life} minutes");
        }
        assert_eq!(fetch_at(now, now - minutes(1)), now - minutes(1), "a life that is over");
    }
}
