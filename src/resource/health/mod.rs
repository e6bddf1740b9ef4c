//! Whether a live object works, by the rules that kstatus (sigs.k8s.io/cli-utils) made common.
//!
//! `workload` has the kinds that run pods, `built_in` the other kinds of Kubernetes, `custom` everything that a definition brings.
//! A kind without a rule (a ConfigMap, a Role) has nothing to wait for.
//!
//! Two rules differ from kstatus. A Job that runs is not ready until it is complete, as Flux has it. A pod that cannot be scheduled
//! is not failed after 15 seconds: nodes are added within minutes.

mod built_in;
mod condition;
mod custom;
mod judge;
mod state;
#[cfg(test)]
mod tests;
mod workload;

pub(super) use condition::{condition, number, text};
pub use state::Health;
pub(super) use state::NOT_CREATED;
pub(super) use workload::DEADLINE_EXCEEDED;
