use super::ecr::ReadLimits;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// The way to one registry (account and region): AWS counts requests by these two, so do we.
pub(super) struct RateLimit {
    pub(super) readers: Semaphore,
    pace: Mutex<TokenBucket>,
}

impl RateLimit {
    pub(super) fn new(pace: &ReadLimits) -> Self {
        Self {
            readers: Semaphore::new(pace.readers.max(1)),
            pace: Mutex::new(TokenBucket::new(pace.per_second, pace.burst)),
        }
    }

    /// Waits for one's turn to send a request. First come, first served.
    pub(super) async fn turn(&self) {
        let at = self
            .pace
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .reserve(Instant::now());
        tokio::time::sleep_until(at).await;
    }
}

/// A token bucket kept as one instant: the time at which the bucket would be full again.
struct TokenBucket {
    interval: Duration,
    allowance: Duration,
    full_at: Option<Instant>,
}

impl TokenBucket {
    fn new(per_second: f64, burst: u32) -> Self {
        let interval = Duration::from_secs_f64(1.0 / per_second.clamp(0.01, 10_000.0));
        Self {
            interval,
            allowance: interval * burst.max(1).saturating_sub(1),
            full_at: None,
        }
    }

    /// Takes the next turn and says when it is.
    fn reserve(&mut self, now: Instant) -> Instant {
        let full_at = self.full_at.map_or(now, |at| at.max(now));
        self.full_at = Some(full_at + self.interval);
        full_at.checked_sub(self.allowance).map_or(now, |at| at.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(turns: &mut TokenBucket, now: Instant, count: usize) -> Vec<u128> {
        (0..count)
            .map(|_| turns.reserve(now).duration_since(now).as_millis())
            .collect()
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let mut turns = TokenBucket::new(10.0, 3);
        let start = Instant::now() + Duration::from_secs(1000);
        assert_eq!(waits(&mut turns, start, 6), [0, 0, 0, 100, 200, 300]);
    }

    #[test]
    fn a_pause_fills_the_bucket_but_never_over_the_brim() {
        let mut turns = TokenBucket::new(10.0, 3);
        let start = Instant::now() + Duration::from_secs(1000);
        waits(&mut turns, start, 3);
        assert_eq!(waits(&mut turns, start + Duration::from_millis(200), 3), [0, 0, 100]);
        assert_eq!(waits(&mut turns, start + Duration::from_secs(3600), 4), [0, 0, 0, 100]);
    }

    #[test]
    fn nonsense_rates_still_give_turns() {
        let start = Instant::now() + Duration::from_secs(1000);
        for rate in [0.0, -1.0, f64::INFINITY, 1e9] {
            assert_eq!(waits(&mut TokenBucket::new(rate, 0), start, 1), [0], "{rate}");
        }
    }
}
