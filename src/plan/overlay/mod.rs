//! Images of kustomize bases, followed to the file that sets their tag.
//!
//! `prepared` puts marks in place of tags (`mark`) in all files of an [`OverlayIndex`]; `build` renders each kustomization in memory,
//! in the order of kustomize: patches (`patch` with `select`, `merge` and `operations`), metadata, `images`. `settings` says what
//! works on the objects of others. `members` finds the marks in what is rendered (those of a HelmRelease with `release`), `consent` asks the workloads that share one, and `fields` makes a field of it.
//!
//! Absent on purpose: whatever kustomize does that does not decide about images, and its generators and plugins.

mod build;
mod consent;
mod fields;
mod images;
mod index;
mod mark;
mod members;
#[cfg(test)]
mod memory_tests;
mod merge;
mod object;
mod operations;
mod patch;
mod prepared;
mod release;
mod select;
mod settings;
mod sources;
#[cfg(test)]
mod tests;

pub use consent::Affected;
pub use fields::{OverlayFields, overlay_fields};
pub use index::{Overlay, OverlayFile, OverlayIndex};
