//! The deploy key as the loops see it: a key pair, the list of allowed signers, and what a git server lets a key do.

use super::repo::RepoFailure;
use crate::model::Secret;
use std::error::Error;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

/// Why a key cannot be read or made. The message is the cause's own.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct KeyFailure(Box<dyn Error + Send + Sync>);

impl KeyFailure {
    /// Wraps an edge's error.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// An SSH key pair that the agent logs in and signs with.
pub trait KeyPair: Sized + Send + Sync + 'static {
    /// The kinds of keys that can be made.
    type Kind: Copy + Send + Sync + 'static;

    /// Makes a key pair. Blocks: an RSA key takes seconds.
    fn generate(kind: Self::Kind) -> Result<Self, KeyFailure>;

    /// Reads a private key. A key with a `user` logs in under this name instead of the name in the repository's address.
    fn parse(text: &str, user: Option<String>) -> Result<Self, KeyFailure>;

    /// Reads the private key in a file.
    fn load(path: &Path) -> Result<Self, KeyFailure>;

    /// Reads the private key in a file, and makes the file with a new key if there is none. Blocks.
    fn load_or_create(path: &Path, kind: Self::Kind) -> Result<Self, KeyFailure>;

    /// The private half, for the Secret that keeps the key.
    fn private_text(&self) -> &Secret;

    /// `SHA256:…`, as forges and `ssh-keygen -l` show a key.
    fn fingerprint(&self) -> String;

    /// The key's own login name.
    fn user(&self) -> Option<&str>;

    /// The public half as one line: type, key, comment.
    fn public_line(&self, comment: &str) -> String;

    /// The line of an allowed_signers file that makes the key a signer of commits.
    fn allowed_signer_line(&self, principal: &str) -> String;
}

/// The keys whose signatures count.
pub trait SignerList<K>: Send + Sync + 'static {
    /// Whether the list has the key now. Reads the list anew.
    ///
    /// # Errors
    /// The list cannot be read; the message says why.
    fn has(&self, key: &K) -> Result<bool, String>;
}

/// What a git server lets a key do.
pub trait AccessProbe<K>: Send + Sync + 'static {
    /// Logs in with the key on a connection of its own, and asks what the key may do. Changes nothing. `None`: fetch and
    /// push; else the server's words about the refused push.
    fn probe(&self, key: Arc<K>) -> impl Future<Output = Result<Option<String>, RepoFailure>> + Send;
}

/// A config repo whose keys can be changed while it is in use.
pub trait KeyedRepo<K>: Send + Sync + 'static {
    /// Logs in with `key` from the next operation on. Where the server rejects `key` and accepts `next`, `next` is used from
    /// then on.
    fn use_keys(&self, key: Arc<K>, next: Option<Arc<K>>);

    /// Returns when the server has rejected the key since the last call.
    fn key_rejected(&self) -> impl Future<Output = ()> + Send;
}
