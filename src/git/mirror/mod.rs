//! The bare mirror on disk: a cache of the remote's branches. Fetches fill the mirror, pushes go out from it.
//!
//! Whatever is wrong with the mirror, it is thrown away and fetched anew. One process at a time owns the folder.

mod branch_fetch;
pub(crate) mod dir;
pub(crate) mod error;
mod fetch;
mod prepare;
pub(crate) mod push;
mod rejection;
pub(crate) mod repository;
