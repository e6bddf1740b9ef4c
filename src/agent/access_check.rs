use super::key_loop::SOON;
use super::signer_check::SignerCheck;
use super::{AgentConfig, wiring};
use crate::cluster::RecordEvents;
use crate::driver::{Outcome, Pass, Shutdown};
use crate::git::{self, DeployKey};
use crate::port::{ClusterEvent, EventWriter, RepoProblem};
use crate::telemetry::{Metrics, Right};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A right that was there is seldom taken away, and a push tells it, too.
const LOOK: Duration = Duration::from_secs(300);

/// What the deploy key, or over HTTPS the login, may do at the server: asked at the start, again while it is not enough,
/// and now and then; told when the answer is another one.
pub(super) struct AccessCheck {
    checked: Arc<AgentConfig>,
    events: Arc<RecordEvents>,
    metrics: Metrics,
    told: Option<Verdict>,
    /// When it was last asked, if the answer was enough.
    looked: Option<Instant>,
}

/// What the server said.
#[derive(Clone, PartialEq, Eq)]
enum Verdict {
    ReadAndWrite,
    ReadOnly(String),
    Nothing(RepoProblem),
}

impl AccessCheck {
    pub(super) fn new(checked: Arc<AgentConfig>, events: Arc<RecordEvents>, metrics: Metrics) -> Self {
        Self {
            checked,
            events,
            metrics,
            told: None,
            looked: None,
        }
    }

    /// Another key is in use: what was said of the one before is void.
    pub(super) fn forget(&mut self) {
        (self.told, self.looked) = (None, None);
    }

    /// Asks, if it is time to. True: all that is needed may be done. `changed` is called when more may be done than before.
    pub(super) async fn look(&mut self, key: Arc<DeployKey>, changed: impl Fn()) -> bool {
        if self.looked.is_none_or(|at| at.elapsed() >= LOOK) {
            self.looked = self.ask(key, changed).await.then(Instant::now);
        }
        self.looked.is_some()
    }

    async fn ask(&mut self, key: Arc<DeployKey>, changed: impl Fn()) -> bool {
        let (seen, words) = match git::probe(&wiring::git_settings(
            &self.checked,
            Arc::clone(&key),
            &self.checked.settings.state_dir,
        ))
        .await
        {
            Ok(access) => match access.read_only {
                None => (Verdict::ReadAndWrite, String::new()),
                Some(words) => (Verdict::ReadOnly(words.clone()), words),
            },
            Err(failure) => (Verdict::Nothing(failure.problem), failure.message),
        };
        let may_read = !matches!(seen, Verdict::Nothing(_));
        self.metrics.repo_access(Right::Read, may_read);
        self.metrics.repo_access(Right::Write, seen == Verdict::ReadAndWrite);
        let is_enough = seen == Verdict::ReadAndWrite || (may_read && !self.checked.settings.automation.enabled);
        if self.told.as_ref() != Some(&seen) {
            match wiring::has_deploy_key(&self.checked) {
                true => self.tell_of_key(&seen, &key.fingerprint(), words).await,
                false => self.tell_of_login(&seen, words).await,
            }
            if seen == Verdict::ReadAndWrite {
                changed();
            }
            self.told = Some(seen);
        }
        is_enough
    }

    async fn tell_of_key(&self, seen: &Verdict, key: &str, words: String) {
        let settings = &self.checked.settings;
        let url = &settings.repo.url;
        let place = url.key_page();
        let page = place.page.unwrap_or_else(|| url.to_string());
        match seen {
            Verdict::ReadAndWrite => tracing::info!(%key, repo = %url, "the deploy key may read and write"),
            Verdict::ReadOnly(_) if !settings.automation.enabled => {
                tracing::info!(%key, repo = %url, "the deploy key may read and not write, which is enough while automation is off");
            }
            Verdict::ReadOnly(_) => {
                let words = words.trim_end_matches('.');
                tracing::warn!(%key, repo = %url, %words, %page, remedy = place.advice, "the deploy key may only read: the repository is applied, and no image is bumped until the key may write");
                let message = format!(
                    "the deploy key may only read {url} ({words}): it is applied, and no image is bumped until the key \
                     may write; at {page} {}",
                    place.advice
                );
                announce(&*self.events, true, "ReadOnlyDeployKey", message).await;
            }
            Verdict::Nothing(RepoProblem::KeyRefused) => {
                tracing::warn!(%key, repo = %url, %page, remedy = place.advice, error = %words, "the server does not take the deploy key");
            }
            Verdict::Nothing(problem) => {
                tracing::debug!(?problem, error = %words, "what the deploy key may do cannot be found out");
            }
        }
    }

    async fn tell_of_login(&self, seen: &Verdict, words: String) {
        let settings = &self.checked.settings;
        let url = &settings.repo.url;
        match seen {
            Verdict::ReadAndWrite => tracing::info!(repo = %url, "the login may read and write"),
            Verdict::ReadOnly(_) if !settings.automation.enabled => {
                tracing::info!(repo = %url, "the login may read and not write, which is enough while automation is off");
            }
            Verdict::ReadOnly(_) => {
                let words = words.trim_end_matches('.');
                let remedy = match settings.repo.http.credentials {
                    Some(_) => {
                        "give the user or token in repo.http write access to the repository, or put another one there"
                    }
                    None => "put a user name and password, or a token, that may write into repo.http",
                };
                tracing::warn!(repo = %url, %words, %remedy, "the login may only read: the repository is applied, and no image is bumped until it may write");
                let message = format!(
                    "the login may only read {url} ({words}): it is applied, and no image is bumped until it may write; \
                     {remedy}"
                );
                announce(&*self.events, true, "ReadOnlyLogin", message).await;
            }
            Verdict::Nothing(RepoProblem::KeyRefused) => {
                tracing::warn!(repo = %url, error = %words, "the server does not take the login");
            }
            Verdict::Nothing(problem) => {
                tracing::debug!(?problem, error = %words, "what the login may do cannot be found out");
            }
        }
    }
}

/// The loop about the login for an HTTPS address. Its files are read anew for each request, so that nothing but its rights
/// is to be looked after.
pub(super) struct LoginLoop<F> {
    pub(super) rights: AccessCheck,
    pub(super) listed: SignerCheck,
    /// Never used, but asked for.
    pub(super) key: Arc<DeployKey>,
    /// Called when the login may do more than before.
    pub(super) changed: F,
    pub(super) shutdown: Shutdown,
}

impl<F: Fn() + Send + Sync + 'static> Pass for LoginLoop<F> {
    type Report = ();

    /// Nothing is lost when it is broken off: it only asks.
    async fn pass(&mut self) -> Outcome<()> {
        let shutdown = self.shutdown.clone();
        self.listed.check(&self.rights.checked.settings, &self.key);
        tokio::select! {
            is_enough = self.rights.look(Arc::clone(&self.key), &self.changed) => match is_enough {
                true => Outcome::Done(()),
                false => Outcome::Again((), SOON),
            },
            () = shutdown.begun() => Outcome::Done(()),
        }
    }

    fn timed_out(&self, _: Duration) {}
}

/// Writes an event. A lost event is logged; the sync loop reports an outage of the API server once.
pub(super) async fn announce(events: &impl EventWriter, warning: bool, reason: &'static str, message: String) {
    let event = ClusterEvent {
        warning,
        reason,
        message,
    };
    if let Err(error) = events.write(&event).await {
        match error.is_outage() {
            true => tracing::debug!(%error, "event not written"),
            false => tracing::warn!(%error, "event not written"),
        }
    }
}
