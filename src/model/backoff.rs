use std::time::Duration;

/// The delay before the next try: it doubles with each failure in a row, from `first` up to `longest`.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// A back-off that has counted no failure yet. `longest` is raised to `first` if it is shorter.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest: longest.max(first),
            failures: 0,
        }
    }

    /// Counts one more failure, and returns the delay before the next try.
    pub fn failed(&mut self) -> Duration {
        let delay = self.first.saturating_mul(2_u32.saturating_pow(self.failures.min(16)));
        self.failures = self.failures.saturating_add(1);
        delay.min(self.longest)
    }

    /// As [`failed`](Self::failed), with a delay that is up to a quarter shorter: agents that failed together do not return
    /// together. `jitter` is in `0.0..=1.0`.
    pub fn failed_with_jitter(&mut self, jitter: f64) -> Duration {
        self.failed().mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 4.0)
    }

    /// Resets the delay to `first`.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_up_to_the_longest_and_starts_again_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        let delays: Vec<_> = (0..4).map(|_| backoff.failed().as_secs()).collect();
        assert_eq!(delays, [1, 2, 4, 5]);
        backoff.succeeded();
        assert_eq!(backoff.failed_with_jitter(1.0), Duration::from_millis(750));
    }
}
