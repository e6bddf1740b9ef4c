use futures::future::BoxFuture;
use std::time::Duration;

/// A pull (or merge) request from the proposal branch into the followed branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRequest {
    /// The id of the request in the forge's API.
    pub id: String,
    /// The web address of the request, for people.
    pub url: String,
    /// The title: one line.
    pub title: String,
    /// The description, in Markdown.
    pub body: String,
    /// The labels. Empty if the forge has no labels.
    pub labels: Vec<String>,
    /// Whether the request is open, closed or merged.
    pub state: RequestState,
}

/// The state of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestState {
    /// The request waits for a person.
    Open,
    /// The request was closed without a merge.
    Closed,
    /// The request was merged into the followed branch.
    Merged,
}

/// The title and the description that a request should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The title: one line.
    pub title: String,
    /// The description, in Markdown.
    pub body: String,
}

/// The longest texts that a forge accepts, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeLimits {
    /// The longest title.
    pub title: usize,
    /// The longest description.
    pub body: usize,
}

/// Why a call to the forge failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ForgeFailure {
    /// What failed, where, why and what to do, for people.
    pub message: String,
    /// The time that the forge asks the agent to wait before the next call.
    pub wait: Option<Duration>,
}

/// The requests from one proposal branch into one followed branch of one repository.
pub trait Forge: Send + Sync + 'static {
    /// The longest texts that the forge accepts.
    fn size_limits(&self) -> SizeLimits;

    /// All requests, open or not, newest first. Very old ones may be missing.
    fn requests(&self) -> BoxFuture<'_, Result<Vec<ChangeRequest>, ForgeFailure>>;

    /// Opens a request, with its labels.
    fn open<'a>(&'a self, proposal: &'a Proposal) -> BoxFuture<'a, Result<ChangeRequest, ForgeFailure>>;

    /// Updates the texts and labels of an open request where they differ. Returns true if something differed.
    fn update<'a>(
        &'a self,
        request: &'a ChangeRequest,
        proposal: &'a Proposal,
    ) -> BoxFuture<'a, Result<bool, ForgeFailure>>;

    /// Closes a request without a merge: sets the description to `body`, and adds a comment with the reason.
    fn close<'a>(
        &'a self,
        request: &'a ChangeRequest,
        body: &'a str,
        comment: &'a str,
    ) -> BoxFuture<'a, Result<(), ForgeFailure>>;
}
