use super::AgentConfig;
use super::access_check::{AccessCheck, announce};
use super::keys;
use super::signer_check::SignerCheck;
use crate::cluster::{RecordEvents, SecretStore};
use crate::config::KeySource;
use crate::driver::{Outcome, Pass, Shutdown};
use crate::git::{DeployKey, Repo, keys::rotation::Keys};
use std::sync::Arc;
use std::time::Duration;

/// While a next key waits for its place, or ours may not do what it should, somebody is at work on it.
pub(super) const SOON: Duration = Duration::from_secs(15);

/// The loop about the deploy key: which one it is, what it may do at the server, and whether the next one can take over.
pub(super) struct KeyLoop<F> {
    pub(super) checked: Arc<AgentConfig>,
    pub(super) secrets: Arc<SecretStore>,
    pub(super) events: Arc<RecordEvents>,
    pub(super) repo: Arc<Repo>,
    pub(super) in_use: Arc<DeployKey>,
    /// Called when another key is in use, or the key may do more than before.
    pub(super) changed: F,
    pub(super) told: ToldOfKeys,
    pub(super) rights: AccessCheck,
    pub(super) listed: SignerCheck,
    pub(super) shutdown: Shutdown,
}

/// What has been said already.
#[derive(Default)]
pub(super) struct ToldOfKeys {
    trouble: Option<String>,
    next: Option<String>,
    waiting: Option<String>,
}

impl<F: Fn() + Send + Sync> KeyLoop<F> {
    /// The keys as they are kept; a change that somebody made is taken over.
    async fn keys(&mut self) -> Option<Keys> {
        match keys::reread(&self.checked.settings.repo.key, &*self.secrets).await {
            Ok(keys) => {
                if self.told.trouble.take().is_some() {
                    tracing::info!("the deploy key can be read again");
                }
                let is_other = keys.current.fingerprint() != self.in_use.fingerprint();
                if is_other || keys.current.user() != self.in_use.user() {
                    self.take_up(&keys.current, "the deploy key was changed");
                }
                if let Some(next) = &keys.next
                    && self.told.next.as_ref() != Some(&next.fingerprint())
                {
                    tracing::info!(next = %next.fingerprint(), "a next deploy key lies beside the one in use, and takes over when it works");
                    self.told.next = Some(next.fingerprint());
                    self.repo.use_keys(Arc::clone(&self.in_use), Some(Arc::clone(next)));
                }
                Some(keys)
            }
            Err(error) => {
                let text = format!("{error:#}");
                if self.told.trouble.as_ref() != Some(&text) {
                    tracing::warn!(error = %text, "the deploy key cannot be read again; the one that was read stays in use");
                    self.told.trouble = Some(text);
                }
                None
            }
        }
    }

    fn take_up(&mut self, key: &Arc<DeployKey>, why: &str) {
        self.repo.use_keys(Arc::clone(key), None);
        tracing::info!(from = %self.in_use.fingerprint(), to = %key.fingerprint(), "{why}");
        self.in_use = Arc::clone(key);
        self.told.next = None;
        self.rights.forget();
        (self.changed)();
    }

    /// The next key takes over as soon as the server lets it do what ours is for.
    async fn hand_over(&mut self, next: Arc<DeployKey>) {
        let KeySource::Secret(name) = &self.checked.settings.repo.key else {
            return;
        };
        if let Some(why) = keys::not_ready(&self.checked, Arc::clone(&next)).await {
            if self.told.waiting.as_ref() != Some(&why) {
                tracing::info!(next = %next.fingerprint(), reason = %why, "the next deploy key does not work yet");
                self.told.waiting = Some(why);
            }
            return;
        }
        match keys::promote(&*self.secrets, name, &self.in_use, &next).await {
            Ok(true) => {
                self.told.waiting = None;
                let old = self.in_use.public_line(keys::COMMENT);
                self.take_up(&next, "the next deploy key works and is in use from now on");
                let message = format!(
                    "deploy key {} is in use; the one before may be removed at the forge: {old}",
                    next.fingerprint()
                );
                announce(&*self.events, false, "DeployKeyRotated", message).await;
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(error = %format!("{error:#}"), "the next deploy key cannot be put in place"),
        }
    }

    async fn see(&mut self) -> Outcome<()> {
        let keys = self.keys().await;
        let next = keys.as_ref().and_then(|keys| keys.next.clone());
        let is_waiting = next.is_some();
        if let Some(next) = next {
            self.hand_over(next).await;
        }
        self.listed.check(&self.checked.settings, &self.in_use);
        let is_enough = self.rights.look(Arc::clone(&self.in_use), &self.changed).await;
        match is_enough && !is_waiting && keys.is_some() {
            true => Outcome::Done(()),
            false => Outcome::Again((), SOON),
        }
    }
}

impl<F: Fn() + Send + Sync + 'static> Pass for KeyLoop<F> {
    type Report = ();

    /// Nothing is lost when it is broken off: what takes a key over is one request.
    async fn pass(&mut self) -> Outcome<()> {
        let shutdown = self.shutdown.clone();
        tokio::select! {
            outcome = self.see() => outcome,
            () = shutdown.begun() => Outcome::Done(()),
        }
    }

    fn timed_out(&self, _: Duration) {}
}

/// Wakes the key loop when the server does not take our key: somebody may have put another one in its place.
pub(super) async fn wake_when_refused(repo: Arc<Repo>, wake: impl Fn(), shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            () = repo.key_rejected() => wake(),
        }
        tokio::select! {
            () = shutdown.begun() => return,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}
