use crate::port::RepoProblem;

/// What the agent reports about the deploy key, or about the login where the config repo has an HTTPS address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyEvent {
    /// Condition: the deploy key cannot be read yet.
    Awaited {
        /// The reason that the key is missing.
        reason: String,
    },
    /// The agent starts with this key.
    InUse {
        /// The key's fingerprint.
        key: String,
    },
    /// Condition: the deploy key cannot be read again; the key that was read before stays in use.
    Unreadable {
        /// The whole chain of causes.
        error: String,
    },
    /// Somebody replaced the deploy key.
    Changed {
        /// The old key's fingerprint.
        from: String,
        /// The new key's fingerprint.
        to: String,
    },
    /// Condition: a next key waits to take over.
    NextFound {
        /// The next key's fingerprint.
        next: String,
    },
    /// Condition: the next key does not work yet.
    NextNotReady {
        /// The next key's fingerprint.
        next: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The next key works and is in use from now on.
    Rotated {
        /// The old key's fingerprint.
        from: String,
        /// The new key's fingerprint.
        to: String,
        /// The old key's public line, which may be removed at the forge.
        previous: String,
    },
    /// The next key works and could not be stored as the key in use.
    NotPromoted {
        /// The whole chain of causes.
        error: String,
    },
    /// Condition: what the git server lets the credential do.
    AccessFound {
        /// The config repo's address.
        repo: String,
        /// What the agent logs in with.
        credential: Credential,
        /// What the server allows.
        access: Access,
    },
    /// Condition: the agent's own signature does not count.
    SignerProblem {
        /// Why, and what to do.
        problem: String,
    },
}

/// What the agent logs in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// An SSH key.
    DeployKey {
        /// The key's fingerprint.
        fingerprint: String,
        /// The forge's page for deploy keys.
        page: String,
        /// What to do on that page to give the key write access.
        remedy: &'static str,
    },
    /// A user name and password, or a token.
    Login {
        /// What gives the login write access.
        remedy: &'static str,
    },
}

/// What a git server allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Fetch and push.
    ReadAndWrite,
    /// Fetch, and no push.
    ReadOnly {
        /// The server's words.
        words: String,
        /// Whether the agent needs no more, because automation is off.
        is_enough: bool,
    },
    /// No fetch.
    Nothing {
        /// The kind of problem.
        problem: RepoProblem,
        /// What failed, where and what to do.
        error: String,
    },
}

impl KeyEvent {
    pub(super) fn version(&self) -> String {
        match self {
            // The reasons of one wait differ with each try, and only the first is news.
            Self::Awaited { .. } => String::new(),
            Self::InUse { .. } | Self::Changed { .. } | Self::Rotated { .. } | Self::NotPromoted { .. } => {
                String::new()
            }
            Self::Unreadable { error } => error.clone(),
            Self::NextFound { next } => next.clone(),
            Self::NextNotReady { reason, .. } => reason.clone(),
            Self::AccessFound { access, .. } => match access {
                Access::ReadAndWrite => "read and write".to_owned(),
                Access::ReadOnly { words, .. } => format!("read only: {words}"),
                Access::Nothing { problem, .. } => format!("{problem:?}"),
            },
            Self::SignerProblem { problem } => problem.clone(),
        }
    }
}
