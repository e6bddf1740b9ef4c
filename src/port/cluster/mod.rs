//! What the loops ask of Kubernetes API servers, one trait for each role. One server may have several of the roles:
//!
//! - [`TargetApi`]: the cluster that objects are applied to.
//! - [`RecordStore`]: where a target's record (its ApplySet parent) is kept.
//! - [`HomeSecrets`]: the Secrets of the cluster that the agent runs in.

mod failure;
mod observed;
mod record;
mod secrets;
mod target;

pub use failure::ClusterFailure;
pub use observed::{KindView, Observed, ObservedStore};
pub use record::{Record, RecordStore};
pub use secrets::{HomeSecrets, SecretEntries, SecretName};
pub use target::{Applied, Deletion, Dependents, Freshness, Kinds, Mode, TargetApi};
