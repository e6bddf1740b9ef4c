//! What the agent reports about itself: logs on stderr (`init`) and metrics ([`Metrics`]).
//!
//! A room reports an event by calling the method of [`Metrics`] that is named after the event. The names, units and labels of
//! the series are decided only in `series`, in one file for each subject. Label values come from enums, from
//! names in the source and from the names of targets, so that the number of series does not grow with repositories, objects
//! or tags. The one exception is the last applied commit: it has one series for each target at a time.
//!
//! Secrets that go out with a request are remembered here (`remember_token`), so that neither a log line nor a text of a server
//! shows one (`redacted`).
//!
//! Deliberately absent: decisions, clocks for other rooms, and the network. `http` serves the text of [`Metrics::render`].

mod encodings;
mod labels;
mod log_writer;
mod logs;
mod metrics;
mod redaction;
mod series;

pub(crate) use labels::{
    ApplyOutcome, HealthState, ListingOutcome, ObjectState, Outcome, PushResult, RequestOutcome, Right,
};
pub(crate) use logs::{LogFormat, init};
pub use metrics::Metrics;
pub(crate) use redaction::{redacted, remember_address, remember_login, remember_token};
