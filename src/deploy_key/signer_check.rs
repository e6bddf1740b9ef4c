use super::entries::COMMENT;
use crate::notice::{KeyEvent, Reporter, Topic};
use crate::port::{KeyPair, SignerList};
use std::sync::Arc;

/// What the agent signs its commits with.
pub enum SigningKey<K> {
    /// The deploy key, whichever key is in use.
    DeployKey,
    /// A key of its own.
    Own(Arc<K>),
}

/// Checks that the agent's own signatures count where signatures are checked; else each of its bumps would be refused.
pub struct SignerCheck<K> {
    signers: Arc<dyn SignerList<K>>,
    signing: SigningKey<K>,
    reporter: Reporter,
}

impl<K: KeyPair> SignerCheck<K> {
    /// Checks the key that commits are signed with against the list.
    pub fn new(signers: Arc<dyn SignerList<K>>, signing: SigningKey<K>, reporter: Reporter) -> Self {
        Self {
            signers,
            signing,
            reporter,
        }
    }

    /// Checks, and reports. `in_use` is the deploy key.
    pub(super) fn check(&self, in_use: &K) {
        let key = match &self.signing {
            SigningKey::DeployKey => in_use,
            SigningKey::Own(key) => key,
        };
        let problem = match self.signers.has(key) {
            Ok(true) => None,
            Ok(false) => Some(format!(
                "the allowed signers do not have the agent's key, so that no image is bumped; add the line: {}",
                key.allowed_signer_line(COMMENT)
            )),
            Err(error) => Some(format!("repo.verify.allowedSigners cannot be used: {error}")),
        };
        let event = problem.map(|problem| KeyEvent::SignerProblem { problem });
        self.reporter.present(Topic::Signer, event);
    }
}
