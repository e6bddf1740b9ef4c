use std::io;
use std::time::Duration;

/// A program did not run to its end. A program that ends with a failure status is no error here: its
/// [`Output`](super::Output) has the status.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The program could not be started, for example because it is not installed.
    #[error("cannot start {program}; check that it is installed")]
    Start {
        program: String,
        #[source]
        source: io::Error,
    },
    /// The limit of memory or of processor time could not be set.
    #[error("cannot limit the memory or the processor time of {program}")]
    Limit {
        program: String,
        #[source]
        source: io::Error,
    },
    /// Its output or its exit status could not be read.
    #[error("cannot read the output of {program}")]
    Read {
        program: String,
        #[source]
        source: io::Error,
    },
    /// The deadline has passed.
    #[error("{program} did not end within {} s and was killed", .limit.as_secs_f64())]
    TimedOut { program: String, limit: Duration },
    /// Standard output or standard error is longer than the bound.
    #[error("{program} wrote more than {limit} bytes to its {stream} and was killed")]
    TooMuchOutput {
        program: String,
        /// `standard output` or `standard error`.
        stream: &'static str,
        limit: usize,
    },
}
