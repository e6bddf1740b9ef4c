//! The automation loop: from image fields and registry listings to one pushed commit, with a reason for each field that
//! stays.
//!
//! Stages of a pass, in order:
//!
//! 1. read the head and the declared state (world): `automation_loop`
//! 2. read the history for holds (world): `history_reader`
//! 3. decide (pure, room [`plan`](crate::plan)), about the fields for which something changed: `decision_cache`,
//!    `field_decider`, `group_decider`, `decide_with_history`, `check_platforms`, `denied`
//! 4. edit the bytes of the files (pure, room [`manifest`](crate::manifest)): `edits`
//! 5. commit and push by compare-and-swap (world): `pass` for the followed branch, `propose` for a branch that people merge
//! 6. report: `AutomationStatus` for log, metrics, API and command line
//!
//! After a lost race the same pass decides again on the new head.
//!
//! With a `ProposalBranch` the commits go to a branch of their own. Each pass makes this branch again on top of the
//! followed branch, and a request on the forge asks people to merge it. Holds and decisions read the followed branch alone, and never the
//! proposals. The loop has no memory: it reads from the forge which requests were closed, and for which tags.
//!
//! Deliberately absent: scanning (room `scan`), and applying (room `sync`, which this loop only wakes). All state can be read
//! again from git, the forge and the registries.

mod automated_fields;
mod automation_loop;
mod branch_state;
mod check_platforms;
mod decide_with_history;
mod decision_cache;
mod denied;
mod dependencies;
mod edits;
mod failed_rollouts;
mod field_decider;
mod file_versions;
mod following;
mod group_decider;
mod history_reader;
mod image_fields;
mod inputs;
mod known_history;
mod notices;
mod own_commit;
mod pass;
mod preview;
mod proposal_branch;
mod propose;
mod push_problem;
mod refused_requests;
mod report;
mod take_back;
#[cfg(test)]
mod tests;

pub(crate) use automation_loop::Automation;
pub use decide_with_history::holds;
pub(crate) use denied::leave_out_denied;
pub(crate) use dependencies::{CommitStyle, Dependencies};
pub use history_reader::{FieldHistory, HistoryReader, HistoryReads, SharedHistory};
pub(crate) use image_fields::image_fields;
pub use preview::DecisionPreview;
pub(crate) use proposal_branch::ProposalBranch;
pub(crate) use report::{AutomationReport, Proposed};
