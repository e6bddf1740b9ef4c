//! The automation loop: from image fields and listings to one pushed commit, or a reason for each field why not.
//!
//! Stages of a pass, in order: read the tip and its declared state (world), read the history's holds (world), decide
//! (pure, room `plan`), edit the files' bytes (pure, room `manifest`), commit and push by compare-and-swap (world),
//! report. A lost race is decided again on the new tip within the same pass. What was decided for every automated field
//! stands in [`Status`], the one answer for log, metrics, API and command line.
//!
//! With a [`Side`] the commits go to a branch of its own, made anew on the tip each time, and people merge it, asked by a
//! request on the forge if there is one. What waits there is no fact about the followed branch: holds and decisions come
//! from that one alone. Nothing is remembered: which requests were closed, and for which tags, the forge tells.
//!
//! Deliberately absent: scanning (room `scan`), applying (room `sync`; it is only woken), memory of its own: everything
//! is read again from git and the registry.

mod edits;
mod fields;
mod pass;
mod platforms;
mod propose;
mod reach;
#[cfg(test)]
mod reach_tests;
mod side;
mod status;
mod timeline;
mod wanted;

pub use pass::{Automation, AutomationReport, CommitStyle, Hooks, Landed, Parts, Proposed, look, want};
pub use side::Side;
pub use status::Status;
pub use timeline::{HistoryReads, Past, Timeline};
pub use wanted::{DeclaredField, image_fields};
