use serde::Serialize;
use std::fmt;

/// How far a commit has come in a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CommitHealth {
    /// A part of what the commit declares could not be read or applied, or waits for a person.
    Partial,
    /// Everything is applied, and some objects are not ready yet.
    Applied,
    /// Everything is applied, and every object whose health is known is ready.
    Healthy,
    /// Everything is applied, and some object failed or does not become ready in time.
    Degraded,
}

impl CommitHealth {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Partial, Self::Applied, Self::Healthy, Self::Degraded];

    /// The state's name: `applied`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Partial => "partial",
            Self::Applied => "applied",
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
        }
    }

    /// Reads the name of a state.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

impl fmt::Display for CommitHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
