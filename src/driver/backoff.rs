use std::time::Duration;

/// A delay that doubles with each failure in a row, from `first` up to `most`.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    /// No failure yet.
    pub fn new(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most: most.max(first),
            failures: 0,
        }
    }

    /// One more failure: how long to wait before the next try. `jitter` in `0.0..=1.0` shortens it by up to a quarter,
    /// so that agents that failed together do not return together.
    pub fn failed(&mut self, jitter: f64) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(self.failures.min(16)));
        self.failures = self.failures.saturating_add(1);
        doubled.min(self.most).mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 4.0)
    }

    /// Back to the start.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_cap_and_starts_again() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        let delays: Vec<_> = (0..4).map(|_| backoff.failed(0.0).as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 5]);
        backoff.succeeded();
        assert_eq!(backoff.failed(1.0), Duration::from_millis(750));
    }
}
