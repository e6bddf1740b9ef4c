use crate::port::{ClusterFailure, LeaseApi, LeaseRecord};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long after the last renewal another replica takes the Lease.
const DURATION: Duration = Duration::from_secs(10);
/// The pause between two renewals of the holder, and between two looks of the others.
const PAUSE: Duration = Duration::from_secs(2);

/// Why a replica waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// Somebody else holds the Lease.
    For(String),
    /// The Lease cannot be read or written.
    Failed(String),
}

/// The part of one process in the election.
pub struct Election<A> {
    api: A,
    /// Another name for each process, also for two processes of one pod.
    identity: String,
    /// Returns a number in `0.0..=1.0`, another number for each call.
    jitter: fn() -> f64,
    /// The holder and the renewal that were seen last, and since when.
    seen: Option<(Option<String>, String, Instant)>,
}

enum Standing {
    Holds,
    Follows(String),
}

impl<A: LeaseApi> Election<A> {
    /// `identity`: another one for each process.
    pub fn new(api: A, identity: String, jitter: fn() -> f64) -> Self {
        Self {
            api,
            identity,
            jitter,
            seen: None,
        }
    }

    /// Waits until this process holds the Lease. `waits` is called whenever the reason for the wait changes.
    pub async fn acquire(&mut self, mut waits: impl FnMut(&Waiting)) {
        let mut last = None;
        loop {
            let why = match self.attempt().await {
                Ok(Standing::Holds) => return,
                Ok(Standing::Follows(holder)) => Waiting::For(holder),
                Err(failure) => Waiting::Failed(failure.to_string()),
            };
            if last.as_ref() != Some(&why) {
                waits(&why);
                last = Some(why);
            }
            // Replicas that began together would go on asking at the same moment.
            sleep(PAUSE.mul_f64(0.8 + 0.2 * (self.jitter)())).await;
        }
    }

    /// Renews the Lease until somebody else holds it. Returns who.
    pub async fn keep(&mut self) -> String {
        let mut is_reported = false;
        loop {
            sleep(PAUSE).await;
            match self.attempt().await {
                Ok(Standing::Holds) => is_reported = false,
                Ok(Standing::Follows(holder)) => return holder,
                Err(failure) => {
                    if !is_reported {
                        tracing::warn!(error = %failure, "the Lease is not renewed; this replica goes on while nobody else holds it");
                    }
                    is_reported = true;
                }
            }
        }
    }

    /// Gives the Lease back, if this process holds it.
    pub async fn release(&mut self) {
        let released = async {
            match self.api.read().await? {
                Some(found) if self.is_mine(&found) => self.api.write(Some(&found), None, Duration::from_secs(1)).await,
                _ => Ok(()),
            }
        };
        if let Err(failure) = released.await {
            tracing::debug!(error = %failure, "the Lease was not given back; it ends by itself");
        }
    }

    fn is_mine(&self, found: &LeaseRecord) -> bool {
        found.holder.as_ref() == Some(&self.identity)
    }

    /// Takes or renews the Lease if it is this process's or free. Who has written meanwhile is read again.
    async fn attempt(&mut self) -> Result<Standing, ClusterFailure> {
        match self.try_once().await {
            Err(ClusterFailure::Conflict { .. }) => self.try_once().await,
            ended => ended,
        }
    }

    async fn try_once(&mut self) -> Result<Standing, ClusterFailure> {
        let found = self.api.read().await?;
        if let Some(other) = found.as_ref().filter(|found| !self.is_mine(found))
            && let Some(holder) = &other.holder
            && !self.is_over(other)
        {
            return Ok(Standing::Follows(holder.clone()));
        }
        let written = self.api.write(found.as_ref(), Some(&self.identity), DURATION).await;
        written.map(|()| Standing::Holds)
    }

    /// Whether no renewal of the Lease was seen for as long as the Lease lasts.
    fn is_over(&mut self, found: &LeaseRecord) -> bool {
        let now = Instant::now();
        match &self.seen {
            Some((holder, renewed, since)) if (holder, renewed) == (&found.holder, &found.renewed) => {
                now >= *since + found.duration
            }
            _ => {
                self.seen = Some((found.holder.clone(), found.renewed.clone(), now));
                false
            }
        }
    }
}
