use std::fmt;

/// A policy that cannot be used. It matches nothing, and its field is not bumped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy {policy:?} cannot be used: {problem}; {remedy}")]
pub struct InvalidPolicy {
    /// The text, cut to 200 characters.
    pub policy: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to write instead.
    pub remedy: String,
}

/// What is wrong with a part of a policy, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    problem: String,
    remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.problem, self.remedy)
    }
}

impl Fault {
    pub(super) fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }

    /// The error for the whole policy.
    pub(super) fn of(self, policy: &str) -> InvalidPolicy {
        InvalidPolicy {
            policy: shortened(policy),
            problem: self.problem,
            remedy: self.remedy,
        }
    }
}

/// At most 200 characters of a text that somebody wrote.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}
