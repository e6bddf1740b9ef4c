use super::keys;
use super::sync_loop::event_lost;
use super::{Checked, edges};
use crate::cluster::ApiServer;
use crate::config::{KeySource, SigningKey};
use crate::driver::{Outcome, Pass, Shutdown};
use crate::git::{self, DeployKey, Repo, rotation::Keys};
use crate::port::{Cluster, Happening, RepoProblem};
use crate::telemetry::{Metrics, Right};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// While a next key waits for its place, or ours may not do what it should, somebody is at work on it.
const SOON: Duration = Duration::from_secs(15);

/// A right that was there is seldom taken away, and a push tells it, too.
const LOOK: Duration = Duration::from_secs(300);

/// The loop about the deploy key: which one it is, what it may do at the server, and whether the next one can take over.
pub(super) struct KeyLoop<F> {
    pub(super) checked: Arc<Checked>,
    pub(super) cluster: Arc<ApiServer>,
    pub(super) repo: Arc<Repo>,
    pub(super) in_use: Arc<DeployKey>,
    pub(super) metrics: Metrics,
    /// Called when another key is in use, or the key may do more than before.
    pub(super) changed: F,
    pub(super) told: ToldOfKeys,
    /// When it was last asked what the key may do, if that was enough.
    pub(super) looked: Option<Instant>,
    pub(super) shutdown: Shutdown,
}

/// What has been said already.
#[derive(Default)]
pub(super) struct ToldOfKeys {
    trouble: Option<String>,
    access: Option<Seen>,
    next: Option<String>,
    waiting: Option<String>,
    unlisted: Option<String>,
}

/// What the server said of the key.
#[derive(Clone, PartialEq, Eq)]
enum Seen {
    ReadAndWrite,
    ReadOnly(String),
    Nothing(RepoProblem),
}

impl<F: Fn() + Send + Sync> KeyLoop<F> {
    /// The keys as they are kept; a change that somebody made is taken over.
    async fn keys(&mut self) -> Option<Keys> {
        match keys::reread(&self.checked.settings.repo.key, &self.cluster).await {
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
        (self.told.access, self.told.next, self.looked) = (None, None, None);
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
        match keys::promote(&self.cluster, name, &self.in_use, &next).await {
            Ok(true) => {
                self.told.waiting = None;
                let old = self.in_use.public_line(keys::COMMENT);
                self.take_up(&next, "the next deploy key works and is in use from now on");
                let message = format!(
                    "deploy key {} is in use; the one before may be removed at the forge: {old}",
                    next.fingerprint()
                );
                self.announce(false, "DeployKeyRotated", message).await;
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(error = %format!("{error:#}"), "the next deploy key cannot be put in place"),
        }
    }

    /// Asks the server what our key may do, and tells it when it is another answer than before. True: all that is needed.
    async fn look(&mut self) -> bool {
        let settings = &self.checked.settings;
        let needs_write = settings.automation.enabled;
        let url = &settings.repo.url;
        let (seen, words) = match git::probe(&edges::git_settings(&self.checked, Arc::clone(&self.in_use))).await {
            Ok(access) => match access.read_only {
                None => (Seen::ReadAndWrite, String::new()),
                Some(words) => (Seen::ReadOnly(words.clone()), words),
            },
            Err(failure) => (Seen::Nothing(failure.problem), failure.message),
        };
        let may_read = !matches!(seen, Seen::Nothing(_));
        self.metrics.repo_access(Right::Read, may_read);
        self.metrics.repo_access(Right::Write, seen == Seen::ReadAndWrite);
        let is_enough = seen == Seen::ReadAndWrite || (may_read && !needs_write);
        if self.told.access.as_ref() == Some(&seen) {
            return is_enough;
        }
        let place = url.key_page();
        let page = place.page.unwrap_or_else(|| url.to_string());
        let key = self.in_use.fingerprint();
        match &seen {
            Seen::ReadAndWrite => {
                tracing::info!(%key, repo = %url, "the deploy key may read and write");
                (self.changed)();
            }
            Seen::ReadOnly(_) if !needs_write => {
                tracing::info!(%key, repo = %url, "the deploy key may read and not write, which is enough while automation is off");
            }
            Seen::ReadOnly(_) => {
                let words = words.trim_end_matches('.');
                tracing::warn!(%key, repo = %url, %words, %page, remedy = place.advice, "the deploy key may only read: the repository is applied, and no image is bumped until the key may write");
                let message = format!(
                    "the deploy key may only read {url} ({words}): it is applied, and no image is bumped until the key \
                     may write; at {page} {}",
                    place.advice
                );
                self.announce(true, "ReadOnlyDeployKey", message).await;
            }
            Seen::Nothing(RepoProblem::KeyRefused) => {
                tracing::warn!(%key, repo = %url, %page, remedy = place.advice, error = %words, "the server does not take the deploy key");
            }
            Seen::Nothing(problem) => {
                tracing::debug!(?problem, error = %words, "what the deploy key may do cannot be found out");
            }
        }
        self.told.access = Some(seen);
        is_enough
    }

    /// Where signatures are asked for, ours must count; else bumps would be refused one by one.
    fn check_listed(&mut self) {
        let settings = &self.checked.settings;
        let (Some(signers), Some(SigningKey::DeployKey)) = (&settings.repo.signers, &settings.automation.signing)
        else {
            return;
        };
        let now = match signers.read() {
            Ok(allowed) if allowed.has(&self.in_use) => None,
            Ok(_) => Some(format!(
                "the allowed signers do not have the agent's key, so that no image is bumped; add the line: {}",
                self.in_use.allowed_signer_line(keys::COMMENT)
            )),
            Err(error) => Some(format!("repo.verify.allowedSigners cannot be used: {error}")),
        };
        if now != self.told.unlisted {
            match &now {
                Some(problem) => tracing::warn!(%problem, "signatures"),
                None => tracing::info!("the agent's key is among the allowed signers"),
            }
            self.told.unlisted = now;
        }
    }

    async fn see(&mut self) -> Outcome<()> {
        let keys = self.keys().await;
        let next = keys.as_ref().and_then(|keys| keys.next.clone());
        let is_waiting = next.is_some();
        if let Some(next) = next {
            self.hand_over(next).await;
        }
        self.check_listed();
        if self.looked.is_none_or(|at| at.elapsed() >= LOOK) {
            self.looked = self.look().await.then(Instant::now);
        }
        match self.looked.is_some() && !is_waiting && keys.is_some() {
            true => Outcome::Done(()),
            false => Outcome::Again((), SOON),
        }
    }

    async fn announce(&self, warning: bool, reason: &'static str, message: String) {
        let event = Happening {
            warning,
            reason,
            message,
        };
        if let Err(error) = self.cluster.emit(&event).await {
            event_lost(&error);
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

    fn late(&self, _: Duration) {}
}

/// Wakes the key loop when the server does not take our key: somebody may have put another one in its place.
pub(super) async fn wake_when_refused(repo: Arc<Repo>, wake: impl Fn(), shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            () = repo.key_refused() => wake(),
        }
        tokio::select! {
            () = shutdown.begun() => return,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}
