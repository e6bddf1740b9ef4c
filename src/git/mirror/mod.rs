//! The bare mirror on disk: a cache of the remote's branches. Fetches fill the mirror, pushes go out from it.
//!
//! A mirror with any fault is removed and fetched again. One process at a time owns the folder.

mod branch_fetch;
pub(crate) mod checkpoint;
pub(crate) mod dir;
pub(crate) mod error;
mod fetch;
mod prepare;
pub(crate) mod push;
mod rejection;
pub(crate) mod repository;
