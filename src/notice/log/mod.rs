//! The log sink: the text, level and fields of every event, one file for each concern.
//!
//! A condition is logged when it is new, not at each report; where the end of a condition matters to people, the end is
//! logged, too.

mod automation;
mod key;
mod mirror;
mod proposal;
mod pull_secret;
mod release;
mod repo;
mod scan;
mod sink;
mod sync;

pub use sink::Log;
