//! What the agent knows about itself now, as one typed [`Snapshot`] for the API, the page and the command line.
//!
//! Every loop publishes a `LoopStatus` with the report of its last pass (room `driver`). The composition root registers one
//! section for each loop at a [`StatusBoard`]: a function that writes what the report says into the snapshot. A further loop
//! registers a section of its own, and no other loop changes.
//!
//! A snapshot is made from memory when somebody asks. The types here are the API's contract: a field's name is the JSON key,
//! and keys stay.
//!
//! `problems` says in sentences what of a snapshot is unwell, so that every channel shows the same.
//!
//! Deliberately absent: other text for people (the command line and the page make their own), and any knowledge of the loops.

mod board;
mod landed_commits;
mod problems;
mod snapshot;
#[cfg(test)]
mod tests;
mod versioned;

pub use board::StatusBoard;
pub use landed_commits::{LandedCommit, LandedCommits};
pub use snapshot::{
    AutomationStatus, KeyStatus, MirrorsStatus, PullSecretsStatus, ReleasesStatus, RepositoryStatus, Snapshot,
    TargetStatus, UnreadyObject, WaitingDeletions,
};
pub use versioned::Versioned;
