use super::calls::{Answer, ConfirmCall, DiffCall, LiftCall, Question, WhyCall};
use crate::status::Snapshot;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// The result of a command, for its caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandReport {
    /// One line about the whole.
    pub summary: String,
    /// The details, one line each.
    pub lines: Vec<String>,
    /// Whether everything succeeded. The command line derives its exit code from this.
    pub ok: bool,
}

/// What the agent would do now, for its caller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanReport {
    /// For people.
    pub text: String,
    /// For programs: the JSON of `tidegate plan -o json`.
    pub preview: serde_json::Value,
    /// Whether everything could be read and could be applied.
    pub is_well: bool,
    /// Whether the agent would change something.
    pub has_changes: bool,
}

/// How the cluster differs from a commit, for its caller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiffReport {
    /// For people.
    pub text: String,
    /// For programs: the JSON of `tidegate diff -o json`.
    pub diff: serde_json::Value,
    /// Whether everything could be compared, and nothing would be refused.
    pub is_well: bool,
    /// Whether something differs.
    pub has_differences: bool,
}

/// Why a command did not run. A pass that ran and failed is a [`CommandReport`] that is not `ok`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The command names something that does not exist: HTTP 404.
    #[error("{0}")]
    Unknown(String),
    /// The configuration switches the loop off: HTTP 409. The message names the key.
    #[error("{0}")]
    SwitchedOff(String),
    /// The agent cannot run the command now, because it starts or stops: HTTP 503.
    #[error("{0}")]
    Unavailable(String),
    /// The agent runs with another configuration than the caller means: HTTP 412.
    #[error("the agent runs with another configuration")]
    OtherConfiguration,
    /// The command was tried and failed: HTTP 422.
    #[error("{0}")]
    Failed(String),
}

/// The commands that a caller may give to the agent. The composition root implements them.
///
/// A future is dropped when its caller disconnects or times out. The pass that it woke must not run inside the future.
pub trait Commands: Send + Sync + 'static {
    /// Wakes the automation loop, and waits until a pass that began after this call has ended. With a repository
    /// (canonical name, `host/path`), the pass is sure to read the tags of that repository; others only when they are due.
    fn scan(&self, repository: Option<String>) -> BoxFuture<'_, Result<CommandReport, CommandError>>;

    /// Wakes the sync loops, and waits until passes that began after this call have ended.
    fn sync(&self) -> BoxFuture<'_, Result<CommandReport, CommandError>>;

    /// What the agent would do now. Writes nothing.
    fn plan(&self, question: Question) -> BoxFuture<'_, Result<PlanReport, CommandError>>;

    /// How the cluster differs from a commit. Writes nothing.
    fn diff(&self, call: DiffCall) -> BoxFuture<'_, Result<DiffReport, CommandError>> {
        let _ = call;
        let refusal = CommandError::Unknown("this agent compares nothing".to_owned());
        Box::pin(std::future::ready(Err(refusal)))
    }

    /// Why the images of an object move to a tag, and to no other. Writes nothing.
    fn why(&self, call: WhyCall) -> BoxFuture<'_, Result<Answer, CommandError>> {
        let _ = call;
        let refusal = CommandError::Unknown("this agent bumps nothing".to_owned());
        Box::pin(std::future::ready(Err(refusal)))
    }

    /// What is held on the followed branch.
    fn holds(&self, question: Question) -> BoxFuture<'_, Result<Answer, CommandError>>;

    /// Lifts holds by a commit, so that the tags may be chosen again.
    fn resume(&self, call: LiftCall) -> BoxFuture<'_, Result<Answer, CommandError>>;

    /// Lifts holds by a commit that writes the tags into the files again.
    fn release(&self, call: LiftCall) -> BoxFuture<'_, Result<Answer, CommandError>>;

    /// Confirms deletions that wait, by a commit.
    fn confirm(&self, call: ConfirmCall) -> BoxFuture<'_, Result<Answer, CommandError>>;

    /// A forge reports a push to this branch (`None`: unknown). Wakes the follow loop and does not wait. Returns false if the
    /// agent follows another branch.
    fn pushed(&self, branch: Option<&str>) -> bool;

    /// What the agent knows about itself. Answers from memory.
    fn status(&self) -> Snapshot;
}
