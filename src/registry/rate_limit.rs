use super::read_limits::ReadLimits;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// The rate limit of one registry. AWS counts requests by account and region, so there is one limit for each pair.
pub(super) struct RateLimit {
    /// One permit for each repository that is read at the same time.
    pub(super) readers: Semaphore,
    bucket: Mutex<TokenBucket>,
}

impl RateLimit {
    pub(super) fn new(limits: &ReadLimits) -> Self {
        Self {
            readers: Semaphore::new(limits.readers.max(1)),
            bucket: Mutex::new(TokenBucket::new(limits.per_second, limits.burst)),
        }
    }

    /// Waits until the next request may be sent. Callers are served in the order of their calls.
    pub(super) async fn acquire(&self) {
        let at = self
            .bucket
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .reserve(Instant::now());
        tokio::time::sleep_until(at).await;
    }
}

/// A token bucket, kept as one instant: the time at which the bucket is full again.
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

    /// Takes the next token, and returns the time from which the request may be sent.
    fn reserve(&mut self, now: Instant) -> Instant {
        let full_at = self.full_at.map_or(now, |at| at.max(now));
        self.full_at = Some(full_at + self.interval);
        full_at.checked_sub(self.allowance).map_or(now, |at| at.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(bucket: &mut TokenBucket, now: Instant, count: usize) -> Vec<u128> {
        (0..count)
            .map(|_| bucket.reserve(now).duration_since(now).as_millis())
            .collect()
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let mut bucket = TokenBucket::new(10.0, 3);
        let start = Instant::now() + Duration::from_secs(1000);
        assert_eq!(waits(&mut bucket, start, 6), [0, 0, 0, 100, 200, 300]);
    }

    #[test]
    fn a_pause_fills_the_bucket_up_to_the_burst() {
        let mut bucket = TokenBucket::new(10.0, 3);
        let start = Instant::now() + Duration::from_secs(1000);
        waits(&mut bucket, start, 3);
        assert_eq!(waits(&mut bucket, start + Duration::from_millis(200), 3), [0, 0, 100]);
        assert_eq!(waits(&mut bucket, start + Duration::from_secs(3600), 4), [0, 0, 0, 100]);
    }

    #[test]
    fn an_invalid_rate_still_lets_requests_through() {
        let start = Instant::now() + Duration::from_secs(1000);
        for rate in [0.0, -1.0, f64::INFINITY, 1e9] {
            assert_eq!(waits(&mut TokenBucket::new(rate, 0), start, 1), [0], "{rate}");
        }
    }
}
