//! The sync loop: makes each target equal to what the tip of the config repo declares for it. One [`SyncLoop`] runs for each
//! target, with a [`Syncer`], record, health condition and metrics of its own.
//!
//! A pass: read the world (record, kinds, watches) → [`plan`] (pure) → write the world (waves of applies, deletions, the
//! record) → report. A pass has no arguments and keeps nothing that it could not find again. It may run at any time, and it
//! sends nothing if everything is as declared.
//!
//! An object needs no request while its manifest has the hash of the agent's last apply and its ownership fingerprint in
//! the watch is the one that this apply left. A new process remembers nothing and applies every object once.
//!
//! Invariants:
//!
//! - Absence is concluded only from a complete reading of the config repo, a served kind and a synced watch.
//! - A pass never acts on an observation older than its own last write.
//! - The failure of one object degrades that object alone.
//! - An outage of the API server ends the pass with one error, and the next pass continues.
//!
//! Deliberately absent: the Kubernetes client (behind [`port::TargetApi`](crate::port::TargetApi)), fetching and rendering,
//! and the decision when a pass runs, which its wakers make.

mod activators;
mod apply;
mod apply_cache;
mod approval;
mod authors;
mod conflict;
mod deletions;
mod first_contact;
mod introduced;
mod live_fields;
mod need;
mod pass_outcome;
mod preview;
mod prune;
mod record_pass;
mod recreate;
mod report;
mod reporter;
mod stored_record;
mod sync_loop;
mod sync_plan;
mod syncer;
mod target;
mod unsettled;
mod waiting;
mod withheld;

#[cfg(test)]
mod tests;

pub use activators::Activators;
pub use apply_cache::ApplyCache;
pub use approval::approval;
pub use need::Reason;
pub use preview::{Preview, PreviewedObject};
pub use report::{AppliedObject, Change, Contended, Drifted, FailedObject, SyncReport, WaitingDeletions};
pub use reporter::PassReporter;
pub use sync_loop::{SyncEnd, SyncLoop};
pub use sync_plan::{ApplyStep, Approval, DeletionStep, PlanInputs, SyncPlan, plan};
pub use syncer::Syncer;
pub use target::Target;
pub use unsettled::Unsettled;
