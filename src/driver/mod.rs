//! The loop engine: runs any loop, and knows nothing about what a loop does.
//!
//! A loop is a [`Pass`]: idempotent, without arguments, never overlapping itself. A pass runs when the period is over, or
//! when a holder of the loop's [`Activator`] wakes the loop. A wake-up carries no data. All wake-ups during a pass lead to one
//! further pass. A failed pass is retried after a growing delay, never later than the period. Every pass has a deadline.
//! [`Health`] reports whether a loop is stuck (liveness) and whether every loop has what it needs (readiness).
//!
//! A loop publishes a [`LoopStatus`]: whether a pass is running, and how the last pass ended, with its report.
//!
//! The first signal drains: running passes end, and no further pass begins. The second signal aborts. Every task is awaited.
//! A task that ends by itself or panics ends the process, and the error names the task.
//!
//! Deliberately absent: domain words, retries inside a pass, queues.

mod activator;
mod blocking;
mod engine;
mod health;
mod loop_status;
mod signals;
mod throttle;
mod wake;

pub use activator::{Activator, NoAnswer};
pub use blocking::blocking;
pub use engine::{Loop, Outcome, Pass, run};
pub use health::{Condition, Health};
pub use loop_status::{LoopStatus, PassResult};
pub use signals::{Shutdown, Tasks, on_signals};
pub use throttle::throttled;
pub use wake::Wake;
