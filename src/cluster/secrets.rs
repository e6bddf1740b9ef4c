use super::connection::Connection;
use super::failure::explain_missing_namespace;
use super::server_text::reduced_for_secret;
use crate::model::SecretBytes;
use crate::port::{ClusterFailure, HomeSecrets, SecretEntries, SecretName};
use futures::TryFutureExt as _;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use std::sync::Arc;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(15);
/// The most tries of a write. A try fails only if another client wrote in between; three such failures are not a coincidence.
const ATTEMPTS: usize = 4;

/// The Secrets of the cluster that the agent runs in.
pub struct SecretStore {
    connection: Arc<Connection>,
    namespace: String,
}

impl SecretStore {
    /// `namespace` is the agent's own. Sends nothing yet.
    pub fn new(connection: Arc<Connection>, namespace: String) -> Self {
        Self { connection, namespace }
    }

    fn api(&self, name: &SecretName) -> Api<Secret> {
        Api::namespaced(self.connection.client.clone(), &name.namespace)
    }

    /// Creates the Secret, or replaces the version that was read.
    async fn store(
        &self,
        name: &SecretName,
        found: Option<Secret>,
        entries: &SecretEntries,
    ) -> Result<(), ClusterFailure> {
        let (api, params) = (self.api(name), PostParams::default());
        let is_new = found.is_none();
        let mut secret = found.unwrap_or_else(|| Secret {
            metadata: ObjectMeta {
                name: Some(name.name.clone()),
                namespace: Some(name.namespace.clone()),
                ..ObjectMeta::default()
            },
            ..Secret::default()
        });
        let data = entries
            .iter()
            .map(|(entry, bytes)| (entry.clone(), ByteString(bytes.expose().to_vec())));
        secret.data = Some(data.collect());
        let written = match is_new {
            true => {
                let created = api.create(&params, &secret).map_err(reduced_for_secret);
                self.connection.within(DEADLINE, created).await
            }
            false => {
                let replaced = api.replace(&name.name, &params, &secret).map_err(reduced_for_secret);
                self.connection.within(DEADLINE, replaced).await
            }
        };
        written.map(drop)
    }
}

impl HomeSecrets for SecretStore {
    fn namespace(&self) -> &str {
        &self.namespace
    }

    async fn read(&self, secret: &SecretName) -> Result<SecretEntries, ClusterFailure> {
        let found = self
            .connection
            .within(DEADLINE, self.api(secret).get_opt(&secret.name))
            .await?;
        Ok(found.as_ref().map(entries_of).unwrap_or_default())
    }

    async fn change<E: From<ClusterFailure>>(
        &self,
        secret: &SecretName,
        mut change: impl FnMut(&mut SecretEntries) -> Result<bool, E> + Send,
    ) -> Result<SecretEntries, E> {
        for _ in 0..ATTEMPTS {
            let found = self
                .connection
                .within(DEADLINE, self.api(secret).get_opt(&secret.name))
                .await?;
            let mut entries = found.as_ref().map(entries_of).unwrap_or_default();
            if !change(&mut entries)? {
                return Ok(entries);
            }
            match self.store(secret, found, &entries).await {
                Ok(()) => return Ok(entries),
                Err(ClusterFailure::Conflict { .. }) => {}
                Err(failure) => return Err(explain_missing_namespace(&self.namespace, failure).into()),
            }
        }
        Err(contended(secret).into())
    }
}

fn entries_of(secret: &Secret) -> SecretEntries {
    let data = secret.data.iter().flatten();
    data.map(|(entry, ByteString(bytes))| (entry.clone(), SecretBytes::new(bytes.as_slice())))
        .collect()
}

fn contended(secret: &SecretName) -> ClusterFailure {
    ClusterFailure::Conflict {
        message: format!(
            "another client changed {secret} during each try to write it; find the client that writes it, and try again"
        ),
    }
}
