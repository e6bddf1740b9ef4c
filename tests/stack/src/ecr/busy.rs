//! How many requests are in flight.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The requests in flight now, and the most that ever were.
#[derive(Debug, Clone, Default)]
pub(super) struct Busy(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    now: usize,
    most: usize,
}

/// A request in flight. Dropping it ends the count.
pub(super) struct InFlight(Busy);

impl Busy {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn enter(&self) -> InFlight {
        let mut counts = self.lock();
        counts.now += 1;
        counts.most = counts.most.max(counts.now);
        InFlight(self.clone())
    }

    pub(super) fn most(&self) -> usize {
        self.lock().most
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.lock().now -= 1;
    }
}
