//! The edge to the helm program: implements [`HelmProgram`](crate::port::HelmProgram).
//!
//! [`Helm::find`] looks for the program once, reads its version, and says why it cannot be used. Each run has an empty environment, a
//! home of its own in a folder that goes with the run, limits of time, memory, processor time and output, and no chart repository:
//! the chart is a folder that the run got.
//!
//! Deliberately absent: what is to be done, and when.

mod arguments;
mod client;
mod error;
mod found;
mod running;
mod workspace;

pub use client::Helm;
pub use error::FindError;
