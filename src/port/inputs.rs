use super::cluster::ClusterFailure;
use crate::model::SecretBytes;
use crate::release::SourceObject;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::watch;

/// The entries of a ConfigMap or Secret. Those of a ConfigMap are handled with the same care.
pub type InputEntries = BTreeMap<String, SecretBytes>;

/// The ConfigMaps and Secrets that a reading of the config repo depends on, in the cluster that the agent runs in.
pub trait InputObjects: Send + Sync + 'static {
    /// The agent's own namespace.
    fn namespace(&self) -> &str;

    /// Reads an object; `None` if there is none.
    fn read<'a>(&'a self, object: &'a SourceObject) -> BoxFuture<'a, Result<Option<InputEntries>, ClusterFailure>>;

    /// The Deployment of Flux v2 that carries out Kustomizations in this cluster; `None` if there is none, or it has no pods.
    fn running_flux(&self) -> BoxFuture<'_, Result<Option<String>, ClusterFailure>>;

    /// Follows exactly these objects from now on.
    fn follow(&self, objects: &BTreeSet<SourceObject>);

    /// Changes when an object that is followed changed, or may have changed. What it became is to be read.
    fn changes(&self) -> watch::Receiver<u64>;
}
