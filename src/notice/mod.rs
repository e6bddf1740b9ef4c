//! What the agent reports about its work: one [`Event`] for everything, one [`Reporter`], any number of sinks.
//!
//! ```text
//!   loop ──happened(event)──────────┐               ┌─▶ log
//!   loop ──present(topic, events)───┼─▶ Reporter ───┼─▶ metrics
//!                                   │  new, still,  └─▶ Kubernetes events ──queue──▶ API server
//!                                   ┘  over          notifications ──groups──▶ chats, forges, web services
//! ```
//!
//! A loop reports facts and never decides who hears them. Two kinds of facts exist. An occurrence ([`Reporter::happened`])
//! is over when it is reported: an object was created, a commit landed. A condition ([`Reporter::present`]) lasts: a
//! finding, a target that is away. A loop reports all conditions of a [`Topic`] that hold now; the reporter compares them
//! with the last report, so that each sink learns which conditions are [new](Phase::New), [changed](Phase::Changed),
//! [unchanged](Phase::Still) and [over](Phase::Over). No loop remembers what it reported before.
//!
//! A new sink implements [`Sink`], and the composition root adds it to the reporter; no loop changes. Sinks return at
//! once: a sink that speaks to a network has a bounded queue and a task of its own, as [`ClusterEvents`] does.
//!
//! Deliberately absent: gauges that a loop computes from a whole report (rooms set those in `telemetry` themselves), and
//! knowledge of the loops: events carry plain data.

mod automation;
mod cluster_events;
mod event;
mod key;
mod log;
mod metrics;
mod mirror;
mod notification;
mod proposal;
mod pull_secret;
mod release;
mod repo;
mod reporter;
mod scan;
mod sync;
#[cfg(test)]
mod tests;

pub use automation::{AutomationEvent, FieldBump};
pub use cluster_events::{ClusterEventQueue, ClusterEvents};
pub use event::Event;
pub use key::{Access, Credential, KeyEvent};
pub use log::Log;
pub use metrics::MetricSink;
pub use mirror::MirrorEvent;
pub use notification::{Notifications, Origin, Outbox, Rule, Template, test_message};
pub use proposal::ProposalEvent;
pub use pull_secret::PullSecretEvent;
pub use release::{ReleaseAction, ReleaseEvent};
pub use repo::RepoEvent;
#[cfg(test)]
pub(crate) use reporter::Phase;
pub use reporter::{Notice, Reporter, Sink, Topic};
pub use scan::ScanEvent;
pub use sync::{ObjectChange, SyncEvent};
