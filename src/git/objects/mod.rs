//! Git objects: trees, commits and signatures, read from a repository and made in one. Uses no network.

pub(crate) mod commit;
mod commit_check;
mod commit_trust;
pub(crate) mod error;
mod folder_edits;
pub(crate) mod history;
pub(crate) mod ids;
pub(crate) mod left_out;
pub(crate) mod listing;
mod shallow;
mod signature;
pub(crate) mod tree;
mod tree_bytes;

pub use commit_trust::{Signing, Trust};
