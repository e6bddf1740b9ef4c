//! What the agent reports about itself: logs on stderr (`init`) and metrics ([`Metrics`]).
//!
//! A room reports an event by calling the method of [`Metrics`] that is named after the event. The names, units and labels of
//! the series are decided only in `series`, in one file for each subject. Label values come from enums, from
//! names in the source and from the names of targets, so that the number of series does not grow with repositories, objects
//! or tags. The one exception is the last applied commit: it has one series for each target at a time.
//!
//! Deliberately absent: decisions, clocks for other rooms, and the network. `http` serves the text of [`Metrics::render`].

mod labels;
mod logs;
mod metrics;
mod series;

pub(crate) use labels::{ApplyOutcome, ListingOutcome, ObjectState, Outcome, PushResult, RequestOutcome, Right};
pub(crate) use logs::{LogFormat, init};
pub use metrics::Metrics;
