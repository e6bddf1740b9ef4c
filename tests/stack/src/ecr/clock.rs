//! Push times: chosen by the test, or taken from a clock that never returns the same time twice.

use std::time::{SystemTime, UNIX_EPOCH};

/// The push time of an image: seconds since the epoch, or "now".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PushTime(Option<f64>);

impl PushTime {
    /// The time of the push by this machine's clock, at least a millisecond after the push before.
    #[must_use]
    pub fn now() -> Self {
        Self(None)
    }

    pub(super) fn settle(self, clock: &mut Clock) -> f64 {
        self.0.unwrap_or_else(|| clock.tick())
    }
}

impl From<f64> for PushTime {
    fn from(epoch_seconds: f64) -> Self {
        Self(Some(epoch_seconds))
    }
}

impl From<SystemTime> for PushTime {
    fn from(time: SystemTime) -> Self {
        Self(Some(epoch_seconds(time)))
    }
}

impl From<jiff::Timestamp> for PushTime {
    fn from(time: jiff::Timestamp) -> Self {
        Self::from(SystemTime::from(time))
    }
}

impl<T: Into<PushTime>> From<Option<T>> for PushTime {
    fn from(time: Option<T>) -> Self {
        time.map_or_else(Self::now, Into::into)
    }
}

/// The clock of a server. It never returns the same millisecond twice.
#[derive(Debug, Default)]
pub(super) struct Clock {
    last_millisecond: u64,
}

impl Clock {
    fn tick(&mut self) -> f64 {
        let now = (epoch_now() * 1000.0) as u64;
        self.last_millisecond = now.max(self.last_millisecond + 1);
        self.last_millisecond as f64 / 1000.0
    }
}

pub(super) fn epoch_now() -> f64 {
    epoch_seconds(SystemTime::now())
}

fn epoch_seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
