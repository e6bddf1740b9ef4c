//! The edge to the helm program: implements [`HelmProgram`](crate::port::HelmProgram).
//!
//! [`Helm::find`] looks for the program once, reads its version, and says why it cannot be used. Each run has an empty environment, a
//! home of its own in a folder that goes with the run, limits of time, memory, processor time and output, and no chart repository:
//! the chart is a folder or an archive that the run got. Indexes and archives of chart repositories are fetched by this room itself,
//! and charts of OCI registries by a run of helm.
//!
//! Deliberately absent: what is to be done, and when.

mod archive;
mod arguments;
mod client;
mod dependencies;
mod error;
mod fetch;
mod found;
mod repository;
mod running;
mod workspace;

pub use client::Helm;
pub use error::FindError;
