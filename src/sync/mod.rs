//! The sync loop: makes each target equal to what the tip of the config repo declares for it. One [`SyncLoop`] runs for each
//! target, with a [`Syncer`], record, health condition and metrics of its own.
//!
//! A pass: read the world (record, kinds, watches) → [`plan`] (pure) → write the world (waves of applies, deletions, the
//! record) → report. A pass has no arguments and keeps nothing that it could not find again. It may run at any time, and it
//! sends nothing if everything is as declared.
//!
//! A pass looks at the objects that may have changed: by the commit, by the watches, by a time that has come. What concerns
//! every object (the kinds that are served, a watch that begins) has the pass look at everything, and once in five minutes an
//! audit does, which must find nothing.
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
mod agenda;
#[cfg(test)]
mod agenda_test;
mod apply;
mod apply_cache;
mod approval;
mod audit_one;
mod authors;
mod conflict;
mod declared_diff;
mod deleted_for;
mod deletions;
mod dependencies;
mod diff;
mod dry_run;
mod explain_unready;
mod field_audit;
mod first_contact;
mod introduced;
mod judge_health;
mod live_fields;
mod marks;
mod need;
mod part;
mod pass_outcome;
mod plan_inputs;
mod pod_looks;
mod preview;
mod prune;
mod record_pass;
mod recreate;
mod report;
mod reporter;
mod restored;
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
pub use diff::{Diff, ObjectDiff};
pub use marks::Marks;
pub use need::Reason;
pub use plan_inputs::{Approval, PlanInputs};
pub use preview::{Preview, PreviewedObject};
pub use report::{AppliedObject, Awaiting, Change, Contended, Drifted, FailedObject, SyncReport, WaitingDeletions};
pub use reporter::PassReporter;
pub use sync_loop::{SyncEnd, SyncLoop};
pub use sync_plan::{ApplyStep, DeletionStep, HeldStep, SyncPlan, plan};
pub use syncer::Syncer;
pub use target::Target;
pub use unsettled::Unsettled;
