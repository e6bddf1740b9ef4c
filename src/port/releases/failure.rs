/// Why helm did not do what it was asked to do. The message is for people, and holds no value of a Secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HelmFailure {
    /// The kind of the failure.
    pub problem: HelmProblem,
    /// What failed and why.
    pub message: String,
}

/// The kinds of failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelmProblem {
    /// Helm ended with an error.
    Failed,
    /// Helm exceeded a limit and was killed.
    Killed,
    /// The chart could not be fetched.
    NotFetched,
    /// Helm could not be started, or its folder could not be made.
    NotStarted,
}
