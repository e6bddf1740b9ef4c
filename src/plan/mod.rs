//! What a pass will write, decided before anything is written.
//!
//! [`decide`] looks at every automated image field ([`automated`] and [`marked`] find them in a document), the tags of its repository and
//! the holds, and gives one [`Decision`] for each field with its reason, and a [`PlannedBump`] for each that moves.
//! [`commits`] cuts the plan into commits, [`check`] is the linter that each must pass before it is carried out; [`message`] and [`commit_time`] make the commit
//! deterministic: the same plan gives the same bytes. [`request`] says the same in a pull request, and [`RecordedBumps`] reads
//! it back.
//!
//! Never bumped: a field that is locked, held, pinned by digest or whose policy cannot be used; a field whose repository was
//! not listed whole. Deliberately absent: how bytes are edited (`manifest`), how commits are made and pushed (`git`).

mod check;
mod commits;
mod decide;
mod field;
mod image_policies;
mod message;
mod overlay;
mod request;

#[cfg(test)]
mod tests;

pub use check::check;
pub use commits::{CommitPer, commits};
pub use decide::{BumpPlan, Decision, Observed, Outcome, PlannedBump, Tags, decide};
pub use field::{AutomatedField, automated, marked};
pub use image_policies::ImagePolicies;
pub use message::{InvalidTemplate, Template, commit_time, message};
pub use overlay::{Overlay, OverlayIndex, through_overlays};
pub use request::{RecordedBumps, request, superseded};
