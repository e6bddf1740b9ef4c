use super::failure::ClusterFailure;
use crate::model::SecretBytes;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;

/// The namespace and name of a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretName {
    /// The namespace of the Secret.
    pub namespace: String,
    /// The name of the Secret.
    pub name: String,
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret {}/{}", self.namespace, self.name)
    }
}

/// The entries of a Secret (its `data`, decoded).
pub type SecretEntries = BTreeMap<String, SecretBytes>;

/// The Secrets of the cluster that the agent runs in, whatever cluster a target is.
pub trait HomeSecrets: Send + Sync + 'static {
    /// The agent's own namespace.
    fn namespace(&self) -> &str;

    /// Reads a Secret's entries; empty if there is no such Secret.
    fn read(&self, secret: &SecretName) -> impl Future<Output = Result<SecretEntries, ClusterFailure>> + Send;

    /// Changes a Secret by compare-and-swap, creates it if needed, and returns the entries as they are afterwards.
    ///
    /// `change` edits the current entries and returns whether it changed anything. It is called again after a lost race.
    fn change<E: From<ClusterFailure>>(
        &self,
        secret: &SecretName,
        change: impl FnMut(&mut SecretEntries) -> Result<bool, E> + Send,
    ) -> impl Future<Output = Result<SecretEntries, E>> + Send;
}
