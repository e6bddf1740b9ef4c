//! Gives the room `deploy_key` the keys of the configuration: in a file, or in a Secret of the agent's own cluster.

use super::AgentConfig;
use super::home::Home;
use super::repo;
use crate::aws::{CallLimits, Sdk};
use crate::cluster::SecretStore;
use crate::config::{KeySource, SigningKey};
use crate::deploy_key::{self, KeyLocation, KeyStore, Keys, Readiness};
use crate::git::{self, DeployKey, KeyError, Signing};
use crate::port::{HomeSecrets, SecretName, SignerList};
use std::sync::Arc;

/// The result of a step of a rotation.
pub type Rotation = deploy_key::Rotation<DeployKey>;

/// Whether the config repo has an SSH address. An HTTPS address has a login instead of a key: the agent
/// makes no key in the cluster, and sends the key that the rooms get to no server.
pub fn has_deploy_key(config: &AgentConfig) -> bool {
    config.settings.repo.url.scheme() == git::Scheme::Ssh
}

/// The deploy keys. Makes the first key if there is none.
///
/// # Errors
/// The key can be neither read nor made.
pub async fn deploy_keys(config: &AgentConfig) -> anyhow::Result<Keys<DeployKey>> {
    if !has_deploy_key(config) {
        return Ok(unused()?);
    }
    Ok(deploy_key_store(config).await?.read_or_create().await?)
}

/// The next step of a rotation: `deploy_key::rotate`.
///
/// # Errors
/// As `deploy_key::rotate`.
pub async fn rotate(config: &AgentConfig, user: Option<&str>) -> anyhow::Result<Rotation> {
    let store = deploy_key_store(config).await?;
    let readiness = readiness(config, server(config, unused()?.current));
    Ok(deploy_key::rotate(&store, &readiness, user).await?)
}

/// Removes the next key: `deploy_key::abandon`.
///
/// # Errors
/// As `deploy_key::abandon`.
pub async fn abandon(config: &AgentConfig) -> anyhow::Result<Rotation> {
    Ok(deploy_key::abandon(&deploy_key_store(config).await?).await?)
}

/// The key that is used only to sign commits; `None` if the deploy key signs commits, or commits are not signed.
///
/// # Errors
/// The key does not exist, or cannot be read.
pub async fn signing_key(config: &AgentConfig) -> anyhow::Result<Option<Arc<DeployKey>>> {
    Ok(match signing(config).await? {
        Some(Signing::Key(key)) => Some(key),
        Some(Signing::DeployKey) | None => None,
    })
}

/// The key that signs commits.
pub(super) async fn signing(config: &AgentConfig) -> anyhow::Result<Option<Signing>> {
    Ok(match &config.settings.automation.signing {
        None => None,
        Some(SigningKey::DeployKey) => Some(Signing::DeployKey),
        Some(SigningKey::Kept(source)) => Some(Signing::Key(store(config, source).await?.signing_key().await?)),
    })
}

/// The deploy key in use. Makes none, so that a preview writes nothing.
pub(super) async fn existing(config: &AgentConfig) -> anyhow::Result<Arc<DeployKey>> {
    if !has_deploy_key(config) {
        return Ok(unused()?.current);
    }
    Ok(deploy_key_store(config).await?.existing().await?)
}

/// A key that no server sees.
pub(super) fn unused() -> Result<Keys<DeployKey>, KeyError> {
    Ok(Keys::only(DeployKey::generate()?))
}

/// The git server, which is asked what a key may do.
pub(super) fn server(config: &AgentConfig, key: Arc<DeployKey>) -> Arc<git::Server> {
    Arc::new(git::Server::new(repo::git_settings(
        config,
        key,
        &config.settings.state_dir,
    )))
}

/// What a next key must be able to do.
pub(super) fn readiness(config: &AgentConfig, probe: Arc<git::Server>) -> Readiness<DeployKey, git::Server> {
    let is_signer = config.settings.automation.signing == Some(SigningKey::DeployKey);
    Readiness {
        probe,
        must_write: config.settings.automation.enabled,
        signers: signers(config).filter(|_| is_signer),
    }
}

/// The allowed signers, if signatures are checked.
pub(super) fn signers(config: &AgentConfig) -> Option<Arc<dyn SignerList<DeployKey>>> {
    let signers = config.settings.repo.signers.clone()?;
    Some(Arc::new(signers))
}

/// The store of the deploy key, for a running agent.
pub(super) fn store_at(config: &AgentConfig, home: &Home) -> KeyStore<SecretStore, DeployKey> {
    let settings = &config.settings.repo;
    KeyStore::new(location(&settings.key, || home.secrets()), settings.key_kind)
}

async fn deploy_key_store(config: &AgentConfig) -> anyhow::Result<KeyStore<SecretStore, DeployKey>> {
    store(config, &config.settings.repo.key).await
}

/// Connects to the cluster only if the key is in a Secret.
async fn store(config: &AgentConfig, source: &KeySource) -> anyhow::Result<KeyStore<SecretStore, DeployKey>> {
    let kind = config.settings.repo.key_kind;
    Ok(match source {
        KeySource::File(path) => KeyStore::new(KeyLocation::File(path.clone()), kind),
        KeySource::Secret(_) => {
            let home = Home::connect(config, &Sdk::new(CallLimits::default())).await?;
            KeyStore::new(location(source, || home.secrets()), kind)
        }
    })
}

fn location(source: &KeySource, secrets: impl FnOnce() -> SecretStore) -> KeyLocation<SecretStore> {
    match source {
        KeySource::File(path) => KeyLocation::File(path.clone()),
        KeySource::Secret(name) => {
            let secrets = secrets();
            let name = SecretName {
                namespace: secrets.namespace().to_owned(),
                name: name.clone(),
            };
            KeyLocation::Secret {
                secrets: Arc::new(secrets),
                name,
            }
        }
    }
}
