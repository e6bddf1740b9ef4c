use jiff::Timestamp;
use std::time::Duration;

/// What a loop publishes about itself: at the start of each pass and at its end.
#[derive(Debug, Clone)]
pub struct LoopStatus<R> {
    /// Whether a pass is running.
    pub running: bool,
    /// How many passes have ended.
    pub passes: u64,
    /// The last pass that has ended.
    pub last: Option<LastPass<R>>,
    /// The number of the newest request that the last pass answers.
    pub(super) answered: u64,
}

/// A pass that has ended.
#[derive(Debug, Clone)]
pub struct LastPass<R> {
    /// When the pass started.
    pub started: Timestamp,
    /// How long the pass took.
    pub took: Duration,
    /// How the pass ended.
    pub result: PassResult,
    /// What the pass reports.
    pub report: R,
}

/// How a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PassResult {
    /// All is done.
    Ok,
    /// A part of the work is done; the report says what the rest waits for.
    Partial,
    /// Something failed; the loop retries.
    Failed,
    /// The pass was cancelled at its deadline.
    TimedOut,
}

impl<R> Default for LoopStatus<R> {
    fn default() -> Self {
        Self {
            running: false,
            passes: 0,
            last: None,
            answered: 0,
        }
    }
}

impl PassResult {
    /// The name for APIs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::TimedOut => "timedOut",
        }
    }
}
