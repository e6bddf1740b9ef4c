use crate::notice::{Access, Credential, KeyEvent, Reporter, Topic};
use crate::port::{AccessProbe, KeyPair};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A right is seldom taken away, and a refused push shows it, too.
const PERIOD: Duration = Duration::from_secs(300);

/// Asks what the deploy key, or over HTTPS the login, may do at the git server: at the start, again and again while that is
/// not enough, and every few minutes from then on.
pub struct AccessCheck<P> {
    probe: Arc<P>,
    /// The config repo's address.
    repo: String,
    page: CredentialPage,
    must_write: bool,
    reporter: Reporter,
    /// When the server last allowed all that the agent needs.
    enough_at: Option<Instant>,
    access: Option<Access>,
}

/// How a person gives the credential more rights.
pub enum CredentialPage {
    /// The credential is a deploy key.
    DeployKey {
        /// The forge's page for deploy keys.
        page: String,
        /// What to do on that page.
        remedy: &'static str,
    },
    /// The credential is a login.
    Login {
        /// The steps that give the login write access.
        remedy: &'static str,
    },
}

impl<P> AccessCheck<P> {
    /// A check that has sent no request yet. `repo` is the config repo's address; `must_write`: the agent pushes.
    pub fn new(probe: Arc<P>, repo: String, page: CredentialPage, must_write: bool, reporter: Reporter) -> Self {
        Self {
            probe,
            repo,
            page,
            must_write,
            reporter,
            enough_at: None,
            access: None,
        }
    }

    /// Another key is in use: the last answer is void.
    pub(super) fn reset(&mut self) {
        (self.enough_at, self.access) = (None, None);
        self.reporter.present(Topic::Access, None::<KeyEvent>);
    }

    /// The last answer.
    pub(super) fn access(&self) -> Option<&Access> {
        self.access.as_ref()
    }

    /// Asks, if it is time to. True if the agent may do all that it needs. `improved` is called when the server lets the
    /// key push from now on.
    pub(super) async fn check<K: KeyPair>(&mut self, key: &Arc<K>, improved: impl Fn()) -> bool
    where
        P: AccessProbe<K>,
    {
        if self.enough_at.is_none_or(|at| at.elapsed() >= PERIOD) {
            let access = self.ask(key).await;
            let is_enough = match &access {
                Access::ReadAndWrite => true,
                Access::ReadOnly { is_enough, .. } => *is_enough,
                Access::Nothing { .. } => false,
            };
            self.enough_at = is_enough.then(Instant::now);
            let is_news = self.report(key.fingerprint(), access.clone());
            if is_news && access == Access::ReadAndWrite {
                improved();
            }
            self.access = Some(access);
        }
        self.enough_at.is_some()
    }

    async fn ask<K: KeyPair>(&self, key: &Arc<K>) -> Access
    where
        P: AccessProbe<K>,
    {
        match self.probe.probe(Arc::clone(key)).await {
            Ok(None) => Access::ReadAndWrite,
            Ok(Some(words)) => Access::ReadOnly {
                words: words.trim_end_matches('.').to_owned(),
                is_enough: !self.must_write,
            },
            Err(failure) => Access::Nothing {
                problem: failure.problem,
                error: failure.message,
            },
        }
    }

    fn report(&self, fingerprint: String, access: Access) -> bool {
        let credential = match &self.page {
            CredentialPage::DeployKey { page, remedy } => Credential::DeployKey {
                fingerprint,
                page: page.clone(),
                remedy,
            },
            CredentialPage::Login { remedy } => Credential::Login { remedy },
        };
        let event = KeyEvent::AccessFound {
            repo: self.repo.clone(),
            credential,
            access,
        };
        self.reporter.present(Topic::Access, [event])
    }
}
