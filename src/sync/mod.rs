//! The sync loop's pass: makes one target equal to what one commit declares.
//!
//! Stages: read the world (record, kinds, watches) → [`plan`] (pure) → write the world (waves of applies, deletions, the
//! record). A pass takes no order and keeps nothing that it could not find again; it may be run at any time, and one that
//! finds everything as declared sends nothing.
//!
//! What makes an object need no request: its manifest hashes as at our last apply, and its ownership fingerprint in the
//! watch is the one our last apply left. After a restart nothing is remembered and everything is applied once.
//!
//! Invariants: absence is concluded only from a complete reading of the repo, a served kind and a synced watch; a pass
//! never acts on an observation older than its own last write; one object's failure degrades that object; an outage of the
//! API server ends the pass with one error, and the next pass carries on.
//!
//! Deliberately absent: the Kubernetes client (behind [`port::Cluster`](crate::port::Cluster)), fetching and rendering, and
//! the loop itself: when a pass runs is said by its wakers.

mod deletions;
mod execute;
mod finish;
mod ledger;
mod pass;
mod plan;
mod preview;
mod report;

#[cfg(test)]
mod tests;

pub use ledger::Ledger;
pub use pass::Syncer;
pub use plan::{Application, Consent, DeletionStep, Reason, Surroundings, SyncPlan, plan};
pub use preview::{Preview, PreviewedObject};
pub use report::{AppliedObject, Change, Contested, Drifted, FailedObject, SyncReport, WaitingDeletions};
