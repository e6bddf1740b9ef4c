//! Wakes loops at what the edges see.

use crate::driver::{Shutdown, Wake};
use tokio::sync::watch;

/// Wakes a loop at each change, until the agent ends.
pub(super) async fn wake_on_change<T>(mut changes: watch::Receiver<T>, wake: Wake, shutdown: Shutdown) {
    loop {
        tokio::select! {
            biased;
            () = shutdown.begun() => return,
            changed = changes.changed() => match changed {
                Ok(()) => wake.wake(),
                Err(_) => return,
            },
        }
    }
}
