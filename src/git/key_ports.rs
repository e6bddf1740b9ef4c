//! The deploy key and its server, as the loops see them: the traits of `port` for this room's types.

use super::keys::KeyKind;
use super::keys::deploy_key::{DeployKey, load_file, load_or_create_file};
use super::probe::probe;
use super::repo::Repo;
use super::settings::Settings;
use super::trust::Signers;
use crate::model::Secret;
use crate::port::{AccessProbe, KeyFailure, KeyPair, KeyedRepo, RepoFailure, SignerList};
use std::path::Path;
use std::sync::Arc;

impl KeyPair for DeployKey {
    type Kind = KeyKind;

    fn generate(kind: KeyKind) -> Result<Self, KeyFailure> {
        Self::generate_kind(kind).map_err(KeyFailure::new)
    }

    fn parse(text: &str, user: Option<String>) -> Result<Self, KeyFailure> {
        let key = Self::from_openssh(text).map_err(KeyFailure::new)?;
        Ok(key.with_user(user))
    }

    fn load(path: &Path) -> Result<Self, KeyFailure> {
        load_file(path).map_err(KeyFailure::new)
    }

    fn load_or_create(path: &Path, kind: KeyKind) -> Result<Self, KeyFailure> {
        load_or_create_file(path, kind).map_err(KeyFailure::new)
    }

    fn private_text(&self) -> &Secret {
        Self::private_text(self)
    }

    fn fingerprint(&self) -> String {
        Self::fingerprint(self)
    }

    fn user(&self) -> Option<&str> {
        Self::user(self)
    }

    fn public_line(&self, comment: &str) -> String {
        Self::public_line(self, comment)
    }

    fn allowed_signer_line(&self, principal: &str) -> String {
        Self::allowed_signer_line(self, principal)
    }
}

impl SignerList<DeployKey> for Signers {
    fn has(&self, key: &DeployKey) -> Result<bool, String> {
        match self.read() {
            Ok(allowed) => Ok(allowed.has(key.public_key())),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl KeyedRepo<DeployKey> for Repo {
    fn use_keys(&self, key: Arc<DeployKey>, next: Option<Arc<DeployKey>>) {
        Self::use_keys(self, key, next);
    }

    async fn key_rejected(&self) {
        Self::key_rejected(self).await;
    }
}

/// A repository whose server can be asked what a key may do.
pub struct Server(Settings);

impl Server {
    /// Asks with these settings, whose key does not count.
    pub fn new(settings: Settings) -> Self {
        Self(settings)
    }
}

impl AccessProbe<DeployKey> for Server {
    async fn probe(&self, key: Arc<DeployKey>) -> Result<Option<String>, RepoFailure> {
        let settings = Settings { key, ..self.0.clone() };
        Ok(probe(&settings).await?.read_only)
    }
}
