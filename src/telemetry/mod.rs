//! What the agent tells about itself: logs on stderr ([`init`]) and metrics ([`Metrics`]).
//!
//! A room reports by calling a method of [`Metrics`] that is named for what happened; names, units and labels of the
//! series are decided here and nowhere else, one file for each concern. Labels take their values from enums or from
//! names in our own source, so that the number of series does not grow with repositories, objects or tags; the one
//! exception is the commit applied last, of which there is one series at a time.
//!
//! Deliberately absent: anything that decides, reads a clock for others, or speaks to the network; `http` serves what
//! [`Metrics::render`] gives.

mod access;
mod delivery;
mod labels;
mod logs;
mod metrics;
mod passes;
mod scan;
mod sync;

pub use labels::{ApplyOutcome, ListingOutcome, ObjectState, Outcome, PushResult, RequestOutcome, Right};
pub use logs::{DEFAULT_FILTER, LogError, LogFormat, init};
pub use metrics::Metrics;
pub use passes::PassTimer;
