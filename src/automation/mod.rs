//! The automation loop: from image fields and listings to one pushed commit, or a reason for each field why not.
//!
//! Stages of a pass, in order: read the tip and its declared state (world), read the history's holds (world), decide
//! (pure, room `plan`), edit the files' bytes (pure, room `manifest`), commit and push by compare-and-swap (world),
//! report. A lost race is decided again on the new tip within the same pass. What was decided for every automated field
//! stands in [`Status`], the one answer for log, metrics, API and command line.
//!
//! Deliberately absent: scanning (room `scan`), applying (room `sync`; it is only woken), memory of its own: everything
//! is read again from git and the registry.

mod edits;
mod fields;
mod pass;
mod platforms;
mod status;
mod timeline;
mod wanted;

pub use pass::{Automation, AutomationReport, CommitStyle, Hooks, Landed, Parts, look, want};
pub use status::Status;
pub use timeline::{HistoryReads, Past, Timeline};
pub use wanted::{DeclaredField, image_fields};
