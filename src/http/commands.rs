use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// What a command has done, for whoever gave it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandReport {
    /// One line.
    pub summary: String,
    /// The particulars, one line each.
    pub lines: Vec<String>,
    /// Whether all went well; the command line's exit code.
    pub ok: bool,
}

/// Why a command could not be carried out. A pass that ran and failed is a [`CommandReport`] that is not `ok`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// Nothing that the command could be about: HTTP 404.
    #[error("{0}")]
    Unknown(String),
    /// Not now: starting, stopping, not the leader; HTTP 503.
    #[error("{0}")]
    Unavailable(String),
    /// Anything else: HTTP 500.
    #[error("{0}")]
    Failed(String),
}

/// What callers may have the agent do. The composition root answers.
///
/// The futures are dropped when the caller goes away or his time is over: what they wake must not live in them.
pub trait Commands: Send + Sync + 'static {
    /// Wakes the automation loop and waits until a pass that began after this call has ended. With a repository
    /// (canonical, `host/path`) only its tags are sure to be read anew.
    fn scan(&self, repository: Option<String>) -> BoxFuture<'_, Result<CommandReport, CommandError>>;

    /// Wakes the sync loops and waits until passes that began after this call have ended.
    fn sync(&self) -> BoxFuture<'_, Result<CommandReport, CommandError>>;

    /// A forge tells of a push, to this branch if it is known: wakes the follow loop and waits for nothing. False if that is
    /// another branch than the followed one.
    fn pushed(&self, branch: Option<&str>) -> bool;

    /// Every automated field with its current and newest tag, the decision and its reason, from memory.
    fn status(&self) -> serde_json::Value;
}

/// Whether the agent is well. Both are asked often and answer from memory.
pub trait Probes: Send + Sync + 'static {
    /// The loops that have made no progress for too long, with how long; empty while all is well.
    fn stuck(&self) -> Vec<String>;

    /// What has to happen before the agent can do its work; empty when it can.
    fn not_ready(&self) -> Vec<String>;
}

impl Health for crate::driver::Health {
    fn stuck(&self) -> Vec<String> {
        Self::stuck(self, std::time::Instant::now())
    }

    fn not_ready(&self) -> Vec<String> {
        Self::not_ready(self)
    }
}
