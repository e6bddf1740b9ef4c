//! What the config repo declares: from a commit to the objects of each target and the documents with images.
//!
//! Stages of a reading: *discover* (pure: a tree listing becomes plain files, encrypted files, kustomization folders and
//! charts; `reach` follows what kustomizations name, so that each is made of the files that it reaches and of no others, and so
//! that a base which an overlay includes is not applied by itself), *render* (plain files are parsed here; a
//! [`Renderer`](crate::port::Renderer) makes the objects of the other units), *assign* (pure: objects by target, each target with findings and a completeness of its own). What was read is kept
//! under a hash of the unit's paths and blobs and of the renderer's version, so that a commit costs what it changes: a
//! one-line commit parses one file and looks at no other. On request, Kustomizations of Flux v2 are carried out (`carry_out`), and variables in the objects are replaced (`substitution`) before they are assigned.
//!
//! [`Publisher`] is the task that owns the [`Reader`]. It reads each head of the branch, publishes the
//! [`DeclaredState`](crate::port::DeclaredState), and reads other commits on request. Nobody else holds the reader, so no
//! lock is held over disk or network; a commit that is published is served without the task. [`Follower`] is the loop that
//! fetches the branch. [`watch_findings`] reports what cannot be used at the head. [`StartupCheck`] reports once whether the branch looks like the repository that is meant.
//!
//! Invariants: a reading is whole or an error. A file that could not be parsed, and an entry that is not read although it may
//! hold a manifest, leaves a finding of severity `Error` with each target whose paths cover it, and only these targets become
//! incomplete.
//!
//! Deliberately absent: decisions about what was read. `sync` and `automation` read the published values through `port`
//! and know nothing of this room.

mod argo_cd;
mod assign;
mod carry_out;
mod discover;
mod duplicates;
mod findings;
mod flux_v1;
mod flux_v2;
mod follow;
mod incremental;
mod named;
mod pending;
mod publish;
mod reach;
mod reach_paths;
mod reader;
mod reading;
mod render;
mod startup_check;
mod substitute;
mod substitution;
#[cfg(test)]
mod tests;
mod unread;
mod variables;

pub use assign::TargetPaths;
pub use discover::discover;
pub use findings::watch_findings;
pub use follow::{Follower, watch_verification};
pub use publish::{Publisher, publisher};
pub use reader::Reader;
pub use startup_check::StartupCheck;
pub use substitute::{Substitute, SubstituteFrom};
