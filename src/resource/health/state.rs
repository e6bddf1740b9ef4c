use serde::Serialize;
use std::fmt;

/// The health of a live object.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(tag = "state", content = "message", rename_all = "lowercase")]
pub enum Health {
    /// The health is unknown: its kind has no rule.
    #[default]
    Unknown,
    /// The object works as declared.
    Ready,
    /// Not ready yet. The message says what it waits for.
    Progressing(String),
    /// The object does not become ready without a change. The message says why.
    Failed(String),
}

/// A message of a controller is no longer than this in bytes: it is kept for each object that is not ready.
const MAX_MESSAGE: usize = 512;

/// Stands before what the server says about pods that it does not create.
pub(in crate::resource) const NOT_CREATED: &str = "its pods cannot be created: ";

/// Is part of what is said about a workload whose rollout somebody has paused.
pub(super) const PAUSED: &str = "; its rollout is paused";

impl Health {
    /// Whether the object is not ready because somebody has paused its rollout.
    pub fn is_paused(&self) -> bool {
        matches!(self, Self::Progressing(message) | Self::Failed(message) if message.contains(PAUSED))
    }

    /// Whether there is nothing to wait for: ready, or unknown.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Unknown | Self::Ready)
    }

    /// Why the server does not create the object's pods, if it does not.
    pub fn not_created(&self) -> Option<&str> {
        match self {
            Self::Progressing(message) | Self::Failed(message) => Some(message.split_once(NOT_CREATED)?.1),
            Self::Unknown | Self::Ready => None,
        }
    }

    /// The same state, with more words about the reason.
    pub fn with_reason(self, reason: &str) -> Self {
        let add = |message: String| match message.contains(reason) {
            true => message,
            false => format!("{message}; {reason}"),
        };
        match self {
            Self::Progressing(message) => Self::Progressing(add(message)),
            Self::Failed(message) => Self::Failed(add(message)),
            settled => settled,
        }
    }

    /// Whether the two are the same but for their messages.
    pub fn is_same_state(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// The message in bounds.
    pub(super) fn bounded(self) -> Self {
        match self {
            Self::Progressing(message) => Self::Progressing(bounded(message)),
            Self::Failed(message) => Self::Failed(bounded(message)),
            settled => settled,
        }
    }
}

fn bounded(mut message: String) -> String {
    if message.len() > MAX_MESSAGE {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        message.push('…');
    }
    message
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown"),
            Self::Ready => f.write_str("ready"),
            Self::Progressing(message) => write!(f, "progressing: {message}"),
            Self::Failed(message) => write!(f, "failed: {message}"),
        }
    }
}
