use std::collections::{BTreeMap, BTreeSet};

/// What the agent reports about pull secrets. No login is among it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullSecretEvent {
    /// Secrets were written.
    Written {
        /// How many, by what was done: `created`, `changed`, `deleted`.
        counts: BTreeMap<&'static str, usize>,
    },
    /// Logins that somebody else had put into a Secret are the agent's now.
    Adopted {
        /// The Secret.
        secret: String,
        /// The hosts of the logins.
        hosts: BTreeSet<String>,
    },
    /// Condition: something is not as the rules say.
    Problem {
        /// The Secret, the ServiceAccount or the login.
        about: String,
        /// Why, and what to do.
        message: String,
    },
    /// Condition: no pull secret is kept.
    Off {
        /// Why, and what to do.
        reason: String,
    },
}

impl PullSecretEvent {
    pub(super) fn identity(&self) -> String {
        match self {
            Self::Problem { about, .. } => about.clone(),
            _ => String::new(),
        }
    }

    pub(super) fn version(&self) -> String {
        match self {
            Self::Problem { message, .. } => message.clone(),
            Self::Off { reason } => reason.clone(),
            Self::Written { .. } | Self::Adopted { .. } => String::new(),
        }
    }
}
