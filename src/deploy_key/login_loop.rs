use super::access_check::AccessCheck;
use super::report::KeyReport;
use super::rotation_loop::SOON;
use super::signer_check::SignerCheck;
use crate::driver::{Outcome, Pass, Shutdown};
use crate::port::{AccessProbe, KeyPair};
use std::sync::Arc;
use std::time::Duration;

/// The loop about the login for an HTTPS address. The login's files are read for each request, so that only its rights are
/// looked after.
pub struct LoginLoop<K, P, F> {
    /// What the login may do.
    pub access: AccessCheck<P>,
    /// Whether the agent's signatures count; `None` where signatures are not checked or not made.
    pub signer: Option<SignerCheck<K>>,
    /// A key that no server sees; an HTTPS address needs none.
    pub key: Arc<K>,
    /// Called when the login may do more than before.
    pub changed: F,
    /// Cuts a pass short.
    pub shutdown: Shutdown,
}

impl<K, P, F> Pass for LoginLoop<K, P, F>
where
    K: KeyPair,
    P: AccessProbe<K>,
    F: Fn() + Send + Sync + 'static,
{
    type Report = KeyReport;

    /// A pass that is cut short loses nothing: it only asks.
    async fn pass(&mut self) -> Outcome<KeyReport> {
        let shutdown = self.shutdown.clone();
        if let Some(signer) = &self.signer {
            signer.check(&self.key);
        }
        tokio::select! {
            is_enough = self.access.check(&self.key, &self.changed) => {
                let report = KeyReport::of(self.access.access());
                match is_enough {
                    true => Outcome::Done(report),
                    false => Outcome::Again(report, SOON),
                }
            }
            () = shutdown.begun() => Outcome::Done(KeyReport::of(self.access.access())),
        }
    }

    fn timed_out(&self, _: Duration) -> KeyReport {
        KeyReport::of(self.access.access())
    }
}
