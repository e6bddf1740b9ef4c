//! Percentiles of a small number of times.

use std::fmt;
use std::time::Duration;

/// The times of repeated measurements, sorted.
#[derive(Debug, Clone, Default)]
pub struct Percentiles(Vec<Duration>);

impl Percentiles {
    /// Adds a time.
    pub fn add(&mut self, time: Duration) {
        self.0.push(time);
        self.0.sort();
    }

    /// The time that a share (0 to 1) of all times does not exceed, by nearest rank: of 50 times, the share 0.99 gives the
    /// longest.
    pub fn at(&self, share: f64) -> Duration {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank within a short list"
        )]
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.max(1) - 1).copied().unwrap_or_default()
    }

    /// The median: half of the times do not exceed it.
    pub fn median(&self) -> Duration {
        self.at(0.5)
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |share| self.at(share).as_secs_f64();
        write!(f, "{:.3} / {:.3} s", seconds(0.5), seconds(0.99))
    }
}
