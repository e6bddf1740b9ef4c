//! The deploy key where it is kept: read, made, changed in two steps.

use super::{AgentConfig, wiring};
use crate::config::{KeySource, SigningKey};
use crate::git::keys::rotation::{self, Keys};
use crate::git::{self, DeployKey, KeyKind};
use crate::port::{HomeSecrets, SecretName};
use anyhow::Context as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The keys as they are kept, the first one made if there is none.
///
/// # Errors
/// Neither readable nor makeable.
pub async fn deploy_keys(checked: &AgentConfig) -> anyhow::Result<Keys> {
    if !wiring::has_deploy_key(checked) {
        return Ok(alone(DeployKey::generate()?));
    }
    let kind = checked.settings.repo.key_kind;
    match &checked.settings.repo.key {
        KeySource::File(path) => {
            let path = path.to_owned();
            let made = blocking(move || git::keys::load_or_create_file(&path, kind)).await?;
            Ok(alone(made?))
        }
        KeySource::Secret(name) => {
            let secrets = wiring::Home::connect(checked).await?.secrets();
            from_secret(&secrets, name, kind).await
        }
    }
}

/// The deploy key that there is; nothing is made, so that a preview writes nothing.
pub(super) async fn existing(checked: &AgentConfig) -> anyhow::Result<Arc<DeployKey>> {
    if !wiring::has_deploy_key(checked) {
        return Ok(Arc::new(DeployKey::generate()?));
    }
    kept(checked, &checked.settings.repo.key, "deploy key").await
}

/// A key that must be there already.
pub(super) async fn kept(checked: &AgentConfig, source: &KeySource, what: &str) -> anyhow::Result<Arc<DeployKey>> {
    let none = |place: &dyn std::fmt::Display| match what {
        "deploy key" => anyhow::anyhow!("there is no deploy key in {place}; `tidegate identity` makes one"),
        _ => anyhow::anyhow!("there is no {what} in {place}; it is never made, put it there"),
    };
    match source {
        KeySource::File(path) if !path.exists() => Err(none(&path.display())),
        KeySource::File(path) => Ok(Arc::new(git::keys::load_file(path)?)),
        KeySource::Secret(name) => {
            let secrets = wiring::Home::connect(checked).await?.secrets();
            let place = place(&secrets, name);
            let entry = format!("{place}, entry {}", rotation::CURRENT);
            Ok(read(&secrets, &place).await?.ok_or_else(|| none(&entry))?.current)
        }
    }
}

/// The key of its own that commits are signed with, if they are.
///
/// # Errors
/// It is not there, or cannot be read.
pub async fn signing_key(checked: &AgentConfig) -> anyhow::Result<Option<Arc<DeployKey>>> {
    Ok(match wiring::signing(checked).await? {
        Some(git::Signing::Key(key)) => Some(key),
        Some(git::Signing::DeployKey) | None => None,
    })
}

/// The keys for a running agent: an API server that is away is waited for, told once.
pub(super) async fn deploy_keys_in_time(
    checked: &AgentConfig,
    secrets: &impl HomeSecrets,
    waiting: impl Fn(String),
) -> anyhow::Result<Keys> {
    let name = match &checked.settings.repo.key {
        KeySource::Secret(name) if wiring::has_deploy_key(checked) => name,
        _ => return deploy_keys(checked).await,
    };
    let mut backoff = crate::model::Backoff::new(Duration::from_millis(500), Duration::from_secs(15));
    loop {
        match from_secret(secrets, name, checked.settings.repo.key_kind).await {
            Ok(keys) => return Ok(keys),
            Err(error) if is_outage(&error) => {
                waiting(format!("{error:#}"));
                tokio::time::sleep(backoff.failed()).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The keys as they are kept now, for a running agent; nothing is made.
pub(super) async fn reread(source: &KeySource, secrets: &impl HomeSecrets) -> anyhow::Result<Keys> {
    match source {
        KeySource::File(path) => Ok(alone(git::keys::load_file(path)?)),
        KeySource::Secret(name) => {
            let place = place(secrets, name);
            let keys = read(secrets, &place).await?;
            keys.with_context(|| {
                format!("{place} has no deploy key any more; put it back, or restart the agent to have a new one made")
            })
        }
    }
}

/// Makes the next key the present one, if nobody did something else since.
pub(super) async fn promote(
    secrets: &impl HomeSecrets,
    name: &str,
    current: &DeployKey,
    next: &DeployKey,
) -> anyhow::Result<bool> {
    let (place, mut done) = (place(secrets, name), false);
    let change = secrets.change::<anyhow::Error>(&place, |entries| {
        done = rotation::promote(entries, current, next)?;
        Ok(done)
    });
    change.await?;
    Ok(done)
}

/// What a step of a rotation came to.
pub enum Rotation {
    /// The next key lies beside the present one.
    Begun {
        /// To be given to the forge.
        next: Arc<DeployKey>,
        /// What is used meanwhile.
        current: Arc<DeployKey>,
    },
    /// The next key is the present one.
    Done {
        /// What is used now.
        current: Arc<DeployKey>,
        /// The public half that may be removed at the forge.
        previous: String,
    },
    /// The next key was taken away; the present one stays.
    Abandoned {
        /// What is used.
        current: Arc<DeployKey>,
        /// Whether there was a next one.
        was_begun: bool,
    },
}

/// The next step of a rotation: makes the next key; or, if there is one, sees whether it works and then lets it take over.
///
/// # Errors
/// The key is in a file; the Secret cannot be read or written; the next key does not work yet.
pub async fn rotate(checked: &AgentConfig, user: Option<&str>) -> anyhow::Result<Rotation> {
    let name = match &checked.settings.repo.key {
        KeySource::Secret(name) => name,
        KeySource::File(path) => anyhow::bail!(mounted(path)),
    };
    let secrets = wiring::Home::connect(checked).await?.secrets();
    let place = place(&secrets, name);
    let keys = read(&secrets, &place).await?;
    let Some(keys) = keys else {
        anyhow::bail!("there is no deploy key in {place} to be replaced; `tidegate identity` makes the first one");
    };
    if let Some(previous) = keys.previous {
        let forget = secrets.change::<anyhow::Error>(&place, |entries| Ok(rotation::finish(entries)));
        forget.await?;
        let current = keys.current;
        return Ok(Rotation::Done { current, previous });
    }
    let Some(next) = keys.next else {
        let kind = checked.settings.repo.key_kind;
        let new = blocking(move || DeployKey::generate_kind(kind)).await??;
        let begin = secrets.change::<anyhow::Error>(&place, |entries| Ok(rotation::begin(entries, &new)));
        let keys = Keys::read(&begin.await?)?;
        let both = keys.and_then(|keys| Some((keys.next?, keys.current)));
        let (next, current) = both.with_context(|| format!("{place} was changed by somebody else; try again"))?;
        return Ok(Rotation::Begun { next, current });
    };
    let next = named(&secrets, &place, next, user).await?;
    if let Some(why) = not_ready(checked, Arc::clone(&next)).await {
        anyhow::bail!(
            "the next key {} does not work yet, and nothing was changed, {} stays in use: {why}",
            next.fingerprint(),
            keys.current.fingerprint()
        );
    }
    let previous = keys.current.public_line(COMMENT);
    promote(&secrets, name, &keys.current, &next).await?;
    let keys = read(&secrets, &place).await?;
    let is_done = keys.is_some_and(|keys| keys.current.fingerprint() == next.fingerprint());
    anyhow::ensure!(is_done, "{place} was changed by somebody else; try again");
    // The agent may have been first, and have noted what is told here.
    let forget = secrets.change::<anyhow::Error>(&place, |entries| Ok(rotation::finish(entries)));
    forget.await?;
    Ok(Rotation::Done {
        current: next,
        previous,
    })
}

/// Takes the next key away again.
///
/// # Errors
/// The key is in a file; the Secret cannot be read or written.
pub async fn abandon(checked: &AgentConfig) -> anyhow::Result<Rotation> {
    let name = match &checked.settings.repo.key {
        KeySource::Secret(name) => name,
        KeySource::File(path) => anyhow::bail!(mounted(path)),
    };
    let secrets = wiring::Home::connect(checked).await?.secrets();
    let place = place(&secrets, name);
    let mut was_begun = false;
    let change = secrets.change::<anyhow::Error>(&place, |entries| {
        was_begun = rotation::abandon(entries);
        Ok(was_begun)
    });
    let keys = Keys::read(&change.await?)?;
    let keys = keys.with_context(|| format!("there is no deploy key in {place}; `tidegate identity` makes one"))?;
    Ok(Rotation::Abandoned {
        current: keys.current,
        was_begun,
    })
}

/// What public halves are called where they are pasted.
pub const COMMENT: &str = "tidegate";

/// Why a key cannot take over yet; `None` if it can.
pub(super) async fn not_ready(checked: &AgentConfig, key: Arc<DeployKey>) -> Option<String> {
    let settings = &checked.settings;
    if settings.automation.signing == Some(SigningKey::DeployKey)
        && let Some(signers) = &settings.repo.signers
    {
        match signers.read() {
            Err(error) => return Some(format!("repo.verify.allowedSigners cannot be used: {error}")),
            Ok(allowed) if !allowed.has(&key) => {
                return Some(format!(
                    "commits are signed with the deploy key, and the allowed signers do not have this one; add the line: {}",
                    key.allowed_signer_line(COMMENT)
                ));
            }
            Ok(_) => {}
        }
    }
    match git::probe(&wiring::git_settings(checked, key, &checked.settings.state_dir)).await {
        Err(failure) => Some(failure.message),
        Ok(access) => access.read_only.filter(|_| settings.automation.enabled).map(|words| {
            format!(
                "it may read but not write: {}; give it write access",
                words.trim_end_matches('.')
            )
        }),
    }
}

fn mounted(path: &Path) -> String {
    format!(
        "the deploy key is in the file {}, which is not the agent's to change. To replace it without a gap: make a new key \
         (ssh-keygen -t ed25519 -N '' -f new), add new.pub to the repository with write access, then put the new key in \
         the file's place (in its Secret, if it is mounted from one); the agent reads it within a minute, or at once \
         when the old key is refused. Then remove the old key at the forge",
        path.display()
    )
}

/// The next key under the name that was given for it.
async fn named(
    secrets: &impl HomeSecrets,
    place: &SecretName,
    next: Arc<DeployKey>,
    user: Option<&str>,
) -> anyhow::Result<Arc<DeployKey>> {
    let Some(user) = user else { return Ok(next) };
    let change = secrets.change::<anyhow::Error>(place, |entries| {
        rotation::name_next(entries, user);
        Ok(true)
    });
    let keys = Keys::read(&change.await?)?;
    keys.and_then(|keys| keys.next)
        .with_context(|| format!("{place} was changed by somebody else; try again"))
}

async fn from_secret(secrets: &impl HomeSecrets, name: &str, kind: KeyKind) -> anyhow::Result<Keys> {
    let place = place(secrets, name);
    if let Some(keys) = read(secrets, &place).await? {
        return Ok(keys);
    }
    let new = blocking(move || DeployKey::generate_kind(kind)).await??;
    let made = secrets
        .change::<anyhow::Error>(&place, |entries| Ok(rotation::first(entries, &new)))
        .await
        .with_context(|| unreadable(&place))?;
    let keys = Keys::read(&made).with_context(|| place.to_string())?;
    keys.with_context(|| format!("{place} was changed by somebody else; try again"))
}

async fn read(secrets: &impl HomeSecrets, place: &SecretName) -> anyhow::Result<Option<Keys>> {
    let entries = secrets.read(place).await.with_context(|| unreadable(place))?;
    Keys::read(&entries).with_context(|| place.to_string())
}

fn alone(key: DeployKey) -> Keys {
    Keys {
        current: Arc::new(key),
        next: None,
        previous: None,
    }
}

fn place(secrets: &impl HomeSecrets, name: &str) -> SecretName {
    SecretName {
        namespace: secrets.namespace().to_owned(),
        name: name.to_owned(),
    }
}

fn unreadable(place: &SecretName) -> String {
    format!("the key in {place} cannot be read or made")
}

fn is_outage(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<crate::port::ClusterFailure>()
            .is_some_and(crate::port::ClusterFailure::is_outage)
    })
}

/// Making an RSA key takes seconds.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
    Ok(tokio::task::spawn_blocking(work).await?)
}
