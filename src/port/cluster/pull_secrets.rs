use super::failure::ClusterFailure;
use super::secrets::SecretName;
use crate::resource::ResourceVersion;
use crate::spread::{LiveSecret, NamespaceFacts, PullSecretFacts, SecretForm, SecretPatch};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use tokio::sync::watch;

/// What the watches have delivered.
#[derive(Debug, Clone, Default)]
pub struct PullSecretView {
    /// Whether every list is complete. Nothing is concluded before.
    pub is_complete: bool,
    /// Why a list cannot be read, if so.
    pub problem: Option<String>,
    /// All namespaces.
    pub namespaces: Arc<BTreeMap<String, NamespaceFacts>>,
    /// The Secrets with the agent's label, by namespace and name.
    pub secrets: Arc<BTreeMap<(String, String), PullSecretFacts>>,
    /// The ServiceAccounts, by namespace and name, if they are watched.
    pub accounts: Arc<BTreeMap<(String, String), AccountFacts>>,
}

/// What is known of a ServiceAccount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFacts {
    /// The version that a write must find.
    pub version: ResourceVersion,
    /// The names of its `imagePullSecrets`, in their order.
    pub pull_secrets: Vec<String>,
    /// The names that the agent put there.
    pub own: BTreeSet<String>,
    /// Who declares the list and would put it back, if anybody does.
    pub declared_by: Option<String>,
}

/// The Secrets, namespaces and ServiceAccounts of a cluster, as pull secrets need them.
pub trait PullSecretCluster: Send + Sync + 'static {
    /// The agent's set, which the marks name.
    fn set(&self) -> &str;

    /// Starts the watches that do not run yet.
    fn start(&self, with_accounts: bool);

    /// What the watches have delivered.
    fn view(&self) -> PullSecretView;

    /// Changes whenever the view does.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Whether anything in the cluster has the agent's label.
    fn has_marked(&self) -> impl Future<Output = Result<bool, ClusterFailure>> + Send;

    /// Reads a Secret.
    fn read(&self, name: &SecretName) -> impl Future<Output = Result<Option<LiveSecret>, ClusterFailure>> + Send;

    /// Creates a Secret. [`ClusterFailure::Conflict`] if there is one of that name.
    fn create(
        &self,
        name: &SecretName,
        form: SecretForm,
        content: &SecretPatch,
    ) -> impl Future<Output = Result<(), ClusterFailure>> + Send;

    /// Changes a Secret that is still the one that was read.
    fn patch(
        &self,
        name: &SecretName,
        live: &LiveSecret,
        patch: &SecretPatch,
    ) -> impl Future<Output = Result<(), ClusterFailure>> + Send;

    /// Deletes a Secret that is still the one that was read.
    fn delete(&self, name: &SecretName, live: &LiveSecret) -> impl Future<Output = Result<(), ClusterFailure>> + Send;

    /// Writes which of a ServiceAccount's `imagePullSecrets` are the agent's, and the whole list.
    fn set_account(
        &self,
        namespace: &str,
        name: &str,
        live: &AccountFacts,
        pull_secrets: &[String],
        own: &BTreeSet<String>,
    ) -> impl Future<Output = Result<(), ClusterFailure>> + Send;
}
