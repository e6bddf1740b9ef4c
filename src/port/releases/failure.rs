/// Why helm did not do what it was asked to do. The message is for people, and holds no value of a Secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HelmFailure {
    /// The kind of the failure.
    pub problem: HelmProblem,
    /// What failed and why.
    pub message: String,
}

/// The kinds of failures: who is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelmProblem {
    /// The chart, the values or the cluster: helm ended with an error, or exceeded a limit and was killed.
    Input,
    /// What is around helm: the chart could not be fetched, or helm could not be started, or its folder could not be written. The
    /// same input may do well later.
    Surroundings,
}
