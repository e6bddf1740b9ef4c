use super::keys;
use crate::config::Settings;
use crate::git::{DeployKey, Signing};

/// Whether the agent's own signatures count where signatures are asked for; else its bumps would be refused one by one.
pub(super) struct SignerCheck {
    signing: Option<Signing>,
    told: Option<String>,
}

impl SignerCheck {
    /// For what the agent's commits are signed with.
    pub(super) fn new(signing: Option<Signing>) -> Self {
        Self { signing, told: None }
    }

    /// Tells of a key that is not listed, once, and that it is again. `in_use` is the deploy key.
    pub(super) fn check(&mut self, settings: &Settings, in_use: &DeployKey) {
        let (Some(signers), Some(signing)) = (&settings.repo.signers, &self.signing) else {
            return;
        };
        let key = match signing {
            Signing::DeployKey => in_use,
            Signing::Key(key) => key,
        };
        let now = match signers.read() {
            Ok(allowed) if allowed.has(key) => None,
            Ok(_) => Some(format!(
                "the allowed signers do not have the agent's key, so that no image is bumped; add the line: {}",
                key.allowed_signer_line(keys::COMMENT)
            )),
            Err(error) => Some(format!("repo.verify.allowedSigners cannot be used: {error}")),
        };
        if now != self.told {
            match &now {
                Some(problem) => tracing::warn!(%problem, "signatures"),
                None => tracing::info!("the agent's key is among the allowed signers"),
            }
            self.told = now;
        }
    }
}
