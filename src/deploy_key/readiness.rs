use super::entries::COMMENT;
use crate::port::{AccessProbe, KeyPair, SignerList};
use std::sync::Arc;

/// What a next key must be able to do before it takes over.
pub struct Readiness<K, P> {
    /// Asks the git server.
    pub probe: Arc<P>,
    /// Whether the agent pushes.
    pub must_write: bool,
    /// The list that must have the key, if commits are signed with the deploy key and signatures are checked.
    pub signers: Option<Arc<dyn SignerList<K>>>,
}

impl<K: KeyPair, P: AccessProbe<K>> Readiness<K, P> {
    /// Why the key cannot take over yet, and what to do; `None` if it can.
    pub(super) async fn problem(&self, key: Arc<K>) -> Option<String> {
        if let Some(problem) = self.signers.as_ref().and_then(|signers| unlisted(&**signers, &key)) {
            return Some(problem);
        }
        match self.probe.probe(key).await {
            Err(failure) => Some(failure.message),
            Ok(read_only) => read_only.filter(|_| self.must_write).map(|words| {
                let words = words.trim_end_matches('.');
                format!("it may read but not write: {words}; give it write access")
            }),
        }
    }
}

fn unlisted<K: KeyPair>(signers: &dyn SignerList<K>, key: &K) -> Option<String> {
    match signers.has(key) {
        Ok(true) => None,
        Ok(false) => Some(format!(
            "commits are signed with the deploy key, and the allowed signers do not have this one; add the line: {}",
            key.allowed_signer_line(COMMENT)
        )),
        Err(error) => Some(format!("repo.verify.allowedSigners cannot be used: {error}")),
    }
}
