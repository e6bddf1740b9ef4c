//! What is wrong at the moment, and how much has gone through: shared by the handle and the connections.

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::{Direction, Ending};

/// What goes wrong.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    pub(super) stalled: bool,
    pub(super) to_target: Way,
    pub(super) to_client: Way,
    pub(super) resets: u64,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Way {
    pub(super) latency: Duration,
    /// A connection that has carried so many bytes carries no more.
    pub(super) stalled_after: Option<u64>,
    pub(super) cut: Option<Cut>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) after: u64,
    pub(super) ending: Ending,
    pub(super) once: bool,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) connections: AtomicU64,
    pub(super) open: AtomicU64,
    pub(super) cuts: AtomicU64,
    pub(super) to_target: AtomicU64,
    pub(super) to_client: AtomicU64,
    /// The longest chain of messages, each sent after the one before had arrived, as far as it has come on either side.
    pub(super) at_target: AtomicU64,
    pub(super) at_client: AtomicU64,
}

pub(super) struct State {
    pub(super) target: Mutex<SocketAddr>,
    pub(super) faults: watch::Sender<Faults>,
    pub(super) counters: Counters,
}

impl Faults {
    pub(super) fn way(&self, direction: Direction) -> Way {
        match direction {
            Direction::ToTarget => self.to_target,
            Direction::ToClient => self.to_client,
        }
    }

    pub(super) fn way_mut(&mut self, direction: Direction) -> &mut Way {
        match direction {
            Direction::ToTarget => &mut self.to_target,
            Direction::ToClient => &mut self.to_client,
        }
    }
}

impl Counters {
    /// The chain's length where bytes of this way arrive.
    pub(super) fn chain(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::ToTarget => &self.at_target,
            Direction::ToClient => &self.at_client,
        }
    }

    pub(super) fn bytes(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::ToTarget => &self.to_target,
            Direction::ToClient => &self.to_client,
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
