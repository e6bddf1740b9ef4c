use super::entries::{self, COMMENT, Keys};
use super::error::Error;
use super::readiness::Readiness;
use super::store::{KeyStore, read_entries, read_secret};
use crate::port::{AccessProbe, HomeSecrets, KeyPair, SecretEntries, SecretName};
use std::sync::Arc;

/// The state of a rotation after a step.
pub enum Rotation<K> {
    /// The Secret has a next key and the key in use.
    Begun {
        /// The key to give to the forge.
        next: Arc<K>,
        /// The key in use.
        current: Arc<K>,
    },
    /// The next key is the key in use.
    Done {
        /// The key in use.
        current: Arc<K>,
        /// The public half that may be removed at the forge.
        previous: String,
    },
    /// The next key was removed; the key in use stays.
    Abandoned {
        /// The key in use.
        current: Arc<K>,
        /// Whether there was a next key.
        was_begun: bool,
    },
}

/// Makes the next step of a rotation: makes the next key; or, if there is a next key, checks that it works and lets it take
/// over. A next key logs in as `user`, if given.
///
/// # Errors
/// The key is in a file; the Secret cannot be read or written; the next key does not work yet.
pub async fn rotate<S: HomeSecrets, K: KeyPair, P: AccessProbe<K>>(
    store: &KeyStore<S, K>,
    readiness: &Readiness<K, P>,
    user: Option<&str>,
) -> Result<Rotation<K>, Error> {
    let (secrets, name) = store.secret()?;
    let keys = read_secret::<K>(secrets, name).await?;
    let keys = keys.ok_or_else(|| Error::NothingToRotate { secret: name.clone() })?;
    if let Some(previous) = keys.previous {
        forget_previous(secrets, name).await?;
        let current = keys.current;
        return Ok(Rotation::Done { current, previous });
    }
    let Some(next) = keys.next else {
        return begin(store).await;
    };
    let next = with_user(secrets, name, next, user).await?;
    if let Some(reason) = readiness.problem(Arc::clone(&next)).await {
        return Err(Error::NotReady {
            next: next.fingerprint(),
            current: keys.current.fingerprint(),
            reason,
        });
    }
    let previous = keys.current.public_line(COMMENT);
    store.promote(&keys.current, &next).await?;
    let keys = read_secret::<K>(secrets, name).await?;
    let is_done = keys.is_some_and(|keys| keys.current.fingerprint() == next.fingerprint());
    if !is_done {
        return Err(Error::Changed { secret: name.clone() });
    }
    // The running agent may have promoted the key first, and left the public half that this command shows.
    forget_previous(secrets, name).await?;
    Ok(Rotation::Done {
        current: next,
        previous,
    })
}

async fn begin<S: HomeSecrets, K: KeyPair>(store: &KeyStore<S, K>) -> Result<Rotation<K>, Error> {
    let (secrets, name) = store.secret()?;
    let new = store.generate().await?;
    let change = |entries: &mut SecretEntries| Ok::<_, Error>(entries::begin(entries, &new));
    let keys: Option<Keys<K>> = read_entries(&secrets.change(name, change).await?, name)?;
    let both = keys.and_then(|keys| Some((keys.next?, keys.current)));
    let (next, current) = both.ok_or_else(|| Error::Changed { secret: name.clone() })?;
    Ok(Rotation::Begun { next, current })
}

/// Removes the next key.
///
/// # Errors
/// The key is in a file; there is no key; the Secret cannot be read or written.
pub async fn abandon<S: HomeSecrets, K: KeyPair>(store: &KeyStore<S, K>) -> Result<Rotation<K>, Error> {
    let (secrets, name) = store.secret()?;
    let mut was_begun = false;
    let change = |entries: &mut SecretEntries| {
        was_begun = entries::abandon(entries);
        Ok::<_, Error>(was_begun)
    };
    let entries = secrets.change(name, change).await?;
    let keys: Option<Keys<K>> = read_entries(&entries, name)?;
    let keys = keys.ok_or_else(|| Error::NoDeployKey {
        location: name.to_string(),
    })?;
    Ok(Rotation::Abandoned {
        current: keys.current,
        was_begun,
    })
}

async fn forget_previous(secrets: &impl HomeSecrets, name: &SecretName) -> Result<(), Error> {
    let change = |entries: &mut SecretEntries| Ok::<_, Error>(entries::finish(entries));
    secrets.change(name, change).await.map(drop)
}

/// The next key under the login name that was given for it.
async fn with_user<K: KeyPair>(
    secrets: &impl HomeSecrets,
    name: &SecretName,
    next: Arc<K>,
    user: Option<&str>,
) -> Result<Arc<K>, Error> {
    let Some(user) = user else { return Ok(next) };
    let change = |entries: &mut SecretEntries| {
        entries::name_next(entries, user);
        Ok::<_, Error>(true)
    };
    let keys: Option<Keys<K>> = read_entries(&secrets.change(name, change).await?, name)?;
    let next = keys.and_then(|keys| keys.next);
    next.ok_or_else(|| Error::Changed { secret: name.clone() })
}
