//! What the loops ask of Kubernetes API servers, one trait for each role. One server may have several of the roles:
//!
//! - [`TargetApi`]: the cluster that objects are applied to.
//! - [`RecordStore`]: where a target's record (its ApplySet parent) is kept.
//! - [`HomeSecrets`]: the Secrets of the cluster that the agent runs in.
//! - [`MirrorSources`], [`MirrorCopies`]: the Secrets and ConfigMaps that are copied, and a cluster of copies.
//! - [`PullSecretCluster`]: namespaces, the Secrets that hold logins, and the ServiceAccounts that name them.

mod applied;
mod changed;
mod failure;
mod mirrors;
mod notify;
mod observed;
mod observed_store;
mod own_write;
mod pull_secrets;
mod record;
mod secrets;
mod target;

pub use applied::Applied;
pub use failure::ClusterFailure;
pub use mirrors::{CopyView, MirrorCopies, MirrorObjects, MirrorSources, SourceView};
pub use notify::Notify;
pub use observed::{KindView, Observed, SeenChanges};
pub use observed_store::ObservedStore;
pub use pull_secrets::{AccountFacts, PullSecretCluster, PullSecretView};
pub use record::{MARK_PARTS, Record, RecordStore};
pub use secrets::{HomeSecrets, SecretEntries, SecretName};
pub use target::{Comparison, Deletion, Dependents, Freshness, Kinds, Mode, TargetApi};
