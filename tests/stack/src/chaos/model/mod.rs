//! What should be, in models that are slow, plain, and know nothing of the agent's code.
//!
//! [`tree`] reads what a commit declares. [`holds`] replays the history, one commit after another. [`tags`] says which tag a
//! field should have. [`fields`] compares a live object with its manifest.

mod encrypted;
pub(super) mod fields;
pub(super) mod holds;
pub(super) mod tags;
pub(super) mod tree;
