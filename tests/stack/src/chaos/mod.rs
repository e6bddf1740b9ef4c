//! Chaos against reality: people, controllers, a registry and misfortune, all at once, on real parts, around the built agent.
//!
//! A seed makes a list of operations. A world carries them out in bursts. After each burst it waits until nothing moves, and
//! judges: with models of its own, which read files, history and cluster as a person would, and use nothing of the agent's code.
//!
//! Flow: `operation` makes the list → `world` has the parts → `people`, `kubectl`, `pulls`, `releases`, `registry` and `faults` carry
//! operations out, as `play` says → `judge` compares with `model` → `run` reports, and `shrink` looks for a shorter list.
//!
//! What happens when is not a matter of the seed: the parts are real. A failure that depends on a moment may need several runs.

mod faults;
mod judge;
mod kubectl;
mod manifests;
mod model;
mod operation;
mod people;
mod play;
mod pulls;
mod registry;
mod releases;
mod report;
mod run;
mod shrink;
mod sops;
mod world;

pub use report::{Failure, Options, Report};
pub use run::run;
