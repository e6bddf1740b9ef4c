//! The loop that carries HelmReleases out as Helm releases.
//!
//! ```text
//!   sync pass ends ──┐
//!   HelmRelease ─────┼──▶ pass: read ─▶ release::next ─▶ job: read again ─▶ release::next ─▶ helm ─▶ status
//!   Helm's storage ──┤
//!   values ──────────┘
//! ```
//!
//! What holds:
//! - A pass without a change starts no process and sends no request. What a revision was made of is a label of the revision, so that
//!   a restart knows it, too.
//! - A job decides on what it has just read from the server, and not on what a watch showed.
//! - Chart and values belong to one commit: jobs begin only between two sync passes.
//! - A release that fails holds up no other release. Two helm processes run at once: a release that helm waits for keeps one of
//!   them, up to its time-out.
//! - The objects of a release are compared with its newest revision when the watches show that one of them has changed, and not
//!   while an operation is under way. What is put back is what helm rendered for that revision.
//! - A release is uninstalled only if its HelmRelease was deleted and git does not declare it any more.
//!
//! Deliberately absent: what a state asks for (`release`), and how helm is called (`helm`).

mod actions;
mod audit;
mod charts;
mod claims;
mod declared;
mod drift;
mod end;
mod inputs;
mod job;
mod memory;
mod parts;
mod release_loop;
mod removal;
mod report;
mod settled;
mod shared;
mod versions;
mod work;

pub use parts::{Parts, SyncPoint, TagsOf};
pub use release_loop::ReleaseLoop;
pub use report::ReleaseReport;
