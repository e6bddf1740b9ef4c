use super::entries::{self, CURRENT, Keys};
use super::error::Error;
use crate::model::{Backoff, with_causes};
use crate::port::{HomeSecrets, KeyPair, SecretEntries, SecretName};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The delays between tries while the API server is away at the start.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Where a key is kept.
pub enum KeyLocation<S> {
    /// In a file.
    File(PathBuf),
    /// In a Secret of the agent's own namespace.
    Secret {
        /// The cluster's Secrets.
        secrets: Arc<S>,
        /// The Secret's name.
        name: SecretName,
    },
}

/// Keeps a key, and makes the deploy key where there is none.
pub struct KeyStore<S, K: KeyPair> {
    location: KeyLocation<S>,
    kind: K::Kind,
}

impl<S: HomeSecrets, K: KeyPair> KeyStore<S, K> {
    /// A store that makes keys of this kind.
    pub fn new(location: KeyLocation<S>, kind: K::Kind) -> Self {
        Self { location, kind }
    }

    /// The keys. Makes the first key if there is none.
    ///
    /// # Errors
    /// The key can be neither read nor made.
    pub async fn read_or_create(&self) -> Result<Keys<K>, Error> {
        let kind = self.kind;
        let (secrets, name) = match &self.location {
            KeyLocation::File(path) => {
                let path = path.to_owned();
                let key = tokio::task::spawn_blocking(move || K::load_or_create(&path, kind)).await??;
                return Ok(Keys::only(key));
            }
            KeyLocation::Secret { secrets, name } => (secrets, name),
        };
        if let Some(keys) = read_secret(&**secrets, name).await? {
            return Ok(keys);
        }
        let new = self.generate().await?;
        let change = |entries: &mut SecretEntries| Ok(entries::first(entries, &new));
        let made = secrets.change(name, change).await.map_err(|source| Error::Secret {
            secret: name.clone(),
            source,
        })?;
        read_entries(&made, name)?.ok_or_else(|| Error::Changed { secret: name.clone() })
    }

    /// As [`read_or_create`](Self::read_or_create), but waits for an API server that is away. `waiting` gets the reason of
    /// each failed try.
    ///
    /// # Errors
    /// The key can be neither read nor made, and the API server is not away.
    pub async fn wait_for_keys(&self, waiting: impl Fn(String)) -> Result<Keys<K>, Error> {
        let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
        loop {
            match self.read_or_create().await {
                Err(error) if error.is_outage() => {
                    waiting(with_causes(&error));
                    tokio::time::sleep(backoff.failed()).await;
                }
                ended => return ended,
            }
        }
    }

    /// The deploy key in use. Makes none, so that a preview writes nothing.
    ///
    /// # Errors
    /// There is no key, or the key cannot be read.
    pub async fn existing(&self) -> Result<Arc<K>, Error> {
        let key = self.find().await?;
        key.ok_or_else(|| Error::NoDeployKey {
            location: self.describe(),
        })
    }

    /// A signing key of its own, which is never made.
    ///
    /// # Errors
    /// There is no key, or the key cannot be read.
    pub async fn signing_key(&self) -> Result<Arc<K>, Error> {
        let key = self.find().await?;
        key.ok_or_else(|| Error::NoSigningKey {
            location: self.describe(),
        })
    }

    async fn find(&self) -> Result<Option<Arc<K>>, Error> {
        match &self.location {
            KeyLocation::File(path) if !path.exists() => Ok(None),
            KeyLocation::File(path) => Ok(Some(Arc::new(K::load(path)?))),
            KeyLocation::Secret { secrets, name } => {
                Ok(read_secret(&**secrets, name).await?.map(|keys: Keys<K>| keys.current))
            }
        }
    }

    /// The keys as they are kept now, for a running agent. Makes none.
    ///
    /// # Errors
    /// The keys cannot be read, or were removed.
    pub async fn reread(&self) -> Result<Keys<K>, Error> {
        match &self.location {
            KeyLocation::File(path) => Ok(Keys::only(K::load(path)?)),
            KeyLocation::Secret { secrets, name } => {
                let keys = read_secret(&**secrets, name).await?;
                keys.ok_or_else(|| Error::Removed { secret: name.clone() })
            }
        }
    }

    /// Makes the next key the key in use. False if somebody changed the keys since they were read, or the key is in a file.
    ///
    /// # Errors
    /// The Secret cannot be read or written.
    pub(super) async fn promote(&self, current: &K, next: &K) -> Result<bool, Error> {
        let KeyLocation::Secret { secrets, name } = &self.location else {
            return Ok(false);
        };
        let mut is_done = false;
        let change = |entries: &mut SecretEntries| {
            is_done = entries::promote(entries, current, next)?;
            Ok::<_, Error>(is_done)
        };
        secrets.change(name, change).await?;
        Ok(is_done)
    }

    /// The Secret, for the steps of a rotation.
    pub(super) fn secret(&self) -> Result<(&S, &SecretName), Error> {
        match &self.location {
            KeyLocation::Secret { secrets, name } => Ok((secrets, name)),
            KeyLocation::File(path) => Err(Error::InFile { path: path.clone() }),
        }
    }

    /// Makes a key pair, on a thread of its own: an RSA key takes seconds.
    pub(super) async fn generate(&self) -> Result<K, Error> {
        let kind = self.kind;
        Ok(tokio::task::spawn_blocking(move || K::generate(kind)).await??)
    }

    fn describe(&self) -> String {
        match &self.location {
            KeyLocation::File(path) => path.display().to_string(),
            KeyLocation::Secret { name, .. } => format!("{name}, entry {CURRENT}"),
        }
    }
}

/// The keys of a Secret; `None` if there is no key in use.
pub(super) async fn read_secret<K: KeyPair>(
    secrets: &impl HomeSecrets,
    name: &SecretName,
) -> Result<Option<Keys<K>>, Error> {
    let entries = secrets.read(name).await.map_err(|source| Error::Secret {
        secret: name.clone(),
        source,
    })?;
    read_entries(&entries, name)
}

pub(super) fn read_entries<K: KeyPair>(entries: &SecretEntries, name: &SecretName) -> Result<Option<Keys<K>>, Error> {
    Keys::read(entries).map_err(|source| Error::Entry {
        secret: name.clone(),
        source,
    })
}
