use std::collections::BTreeMap;

/// What the agent reports about mirrors. No value of an object is among it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MirrorEvent {
    /// Copies were written.
    Written {
        /// How many, by what was done: `created`, `changed`, `replaced`, `deleted`.
        counts: BTreeMap<&'static str, usize>,
    },
    /// Condition: something is not as the rules say.
    Problem {
        /// The source or the copy.
        about: String,
        /// Why, and what to do.
        message: String,
    },
    /// Condition: no mirror is kept.
    Off {
        /// Why, and what to do.
        reason: String,
    },
}

impl MirrorEvent {
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
            Self::Written { .. } => String::new(),
        }
    }
}
