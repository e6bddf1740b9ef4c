use super::access_check::AccessCheck;
use super::entries::{COMMENT, Keys};
use super::readiness::Readiness;
use super::report::KeyReport;
use super::signer_check::SignerCheck;
use super::store::KeyStore;
use crate::driver::{Outcome, Pass, Shutdown};
use crate::model::with_causes;
use crate::notice::{KeyEvent, Reporter, Topic};
use crate::port::{AccessProbe, HomeSecrets, KeyPair, KeyedRepo};
use std::sync::Arc;
use std::time::Duration;

/// While a next key waits, or the key may not do what it should, a person is at work on it.
pub(super) const SOON: Duration = Duration::from_secs(15);

/// After a rejection the key is read again at most this often.
const REJECTIONS: Duration = Duration::from_secs(1);

/// The loop about the deploy key: which key it is, what the key may do at the server, and whether the next key can take
/// over.
pub struct RotationLoop<S, K: KeyPair, G, P, F> {
    /// Where the keys are kept.
    pub store: KeyStore<S, K>,
    /// The config repo that logs in with the key.
    pub repo: Arc<G>,
    /// The key in use.
    pub in_use: Arc<K>,
    /// What a next key must be able to do.
    pub readiness: Readiness<K, P>,
    /// What the key in use may do.
    pub access: AccessCheck<P>,
    /// Whether the agent's signatures count; `None` where signatures are not checked or not made.
    pub signer: Option<SignerCheck<K>>,
    /// Called when another key is in use, or the key may do more than before.
    pub changed: F,
    /// Where the loop reports.
    pub reporter: Reporter,
    /// Cuts a pass short.
    pub shutdown: Shutdown,
}

impl<S, K, G, P, F> RotationLoop<S, K, G, P, F>
where
    S: HomeSecrets,
    K: KeyPair,
    G: KeyedRepo<K>,
    P: AccessProbe<K>,
    F: Fn() + Send + Sync,
{
    async fn run_once(&mut self) -> Outcome<KeyReport> {
        let keys = self.read_keys().await;
        let next = keys.as_ref().and_then(|keys| keys.next.clone());
        let is_waiting = next.is_some();
        let next_fingerprint = next.as_ref().map(|next| next.fingerprint());
        if let Some(next) = next {
            self.hand_over(next).await;
        }
        if let Some(signer) = &self.signer {
            signer.check(&self.in_use);
        }
        let is_enough = self.access.check(&self.in_use, &self.changed).await;
        let in_use = self.in_use.fingerprint();
        let report = KeyReport {
            next: next_fingerprint.filter(|next| *next != in_use),
            key: Some(in_use),
            ..KeyReport::of(self.access.access())
        };
        match is_enough && !is_waiting && keys.is_some() {
            true => Outcome::Done(report),
            false => Outcome::Again(report, SOON),
        }
    }

    /// Reads the keys. If a person replaced the key in use, the loop uses the new key.
    async fn read_keys(&mut self) -> Option<Keys<K>> {
        let keys = match self.store.reread().await {
            Ok(keys) => keys,
            Err(error) => {
                let error = with_causes(&error);
                self.reporter.present(Topic::Key, [KeyEvent::Unreadable { error }]);
                return None;
            }
        };
        self.reporter.present(Topic::Key, None::<KeyEvent>);
        let (from, to) = (self.in_use.fingerprint(), keys.current.fingerprint());
        if from != to || keys.current.user() != self.in_use.user() {
            self.take_up(&keys.current);
            self.reporter.happened(KeyEvent::Changed { from, to });
        }
        if let Some(next) = &keys.next {
            let event = KeyEvent::NextFound {
                next: next.fingerprint(),
            };
            if self.reporter.present(Topic::NextKey, [event]) {
                self.repo.use_keys(Arc::clone(&self.in_use), Some(Arc::clone(next)));
            }
        }
        Some(keys)
    }

    fn take_up(&mut self, key: &Arc<K>) {
        self.repo.use_keys(Arc::clone(key), None);
        self.in_use = Arc::clone(key);
        self.reporter.present(Topic::NextKey, None::<KeyEvent>);
        self.access.reset();
        (self.changed)();
    }

    /// Lets the next key take over, if the server lets it do what the key in use is for.
    async fn hand_over(&mut self, next: Arc<K>) {
        if let Some(reason) = self.readiness.problem(Arc::clone(&next)).await {
            let next = next.fingerprint();
            self.reporter
                .present(Topic::Rotation, [KeyEvent::NextNotReady { next, reason }]);
            return;
        }
        match self.store.promote(&self.in_use, &next).await {
            Ok(true) => {
                let event = KeyEvent::Rotated {
                    from: self.in_use.fingerprint(),
                    to: next.fingerprint(),
                    previous: self.in_use.public_line(COMMENT),
                };
                self.reporter.present(Topic::Rotation, None::<KeyEvent>);
                self.take_up(&next);
                self.reporter.happened(event);
            }
            Ok(false) => {}
            Err(error) => self.reporter.happened(KeyEvent::NotPromoted {
                error: with_causes(&error),
            }),
        }
    }
}

impl<S, K, G, P, F> Pass for RotationLoop<S, K, G, P, F>
where
    S: HomeSecrets,
    K: KeyPair,
    G: KeyedRepo<K>,
    P: AccessProbe<K>,
    F: Fn() + Send + Sync + 'static,
{
    type Report = KeyReport;

    /// A pass that is cut short loses nothing: a take-over is one request.
    async fn pass(&mut self) -> Outcome<KeyReport> {
        let shutdown = self.shutdown.clone();
        tokio::select! {
            outcome = self.run_once() => outcome,
            () = shutdown.begun() => Outcome::Done(KeyReport::default()),
        }
    }

    fn timed_out(&self, _: Duration) -> KeyReport {
        KeyReport {
            key: Some(self.in_use.fingerprint()),
            ..KeyReport::of(self.access.access())
        }
    }
}

/// Wakes the loop when the server rejects the key: a person may have replaced the key.
pub async fn wake_when_rejected<K>(repo: Arc<impl KeyedRepo<K>>, wake: impl Fn(), shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            () = repo.key_rejected() => wake(),
        }
        tokio::select! {
            () = shutdown.begun() => return,
            () = tokio::time::sleep(REJECTIONS) => {}
        }
    }
}
