//! The loop engine: what makes any loop run, and nothing of what a loop is about.
//!
//! A loop is a [`Pass`]: idempotent, without arguments, never overlapping itself. It runs when its period is over or when
//! somebody holding its [`Activator`] wakes it; wake-ups carry no data, and many of them while a pass runs become one
//! further pass. A failed pass is tried again after a growing delay, never beyond its period. Every pass has a deadline;
//! [`Health`] tells whether some loop is stuck (liveness) and whether all have what they need (readiness).
//!
//! The first signal drains: running passes end, no new ones begin. The second aborts. Every task is awaited; one that
//! ends by itself, or panics, takes the process down with its name.
//!
//! Deliberately absent: domain words, retries inside a pass, queues.

mod activator;
mod backoff;
mod engine;
mod health;
mod signals;

pub use activator::{Activator, NoAnswer};
pub use backoff::Backoff;
pub use engine::{Loop, Outcome, Pass, run};
pub use health::{Condition, Health, Liveness};
pub use signals::{Shutdown, Tasks, on_signals};
