use futures::future::BoxFuture;
use std::time::Duration;

/// A pull (or merge) request from our side branch into the followed branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRequest {
    /// What the forge's API calls it by.
    pub id: String,
    /// For people: a web address, or what comes nearest.
    pub url: String,
    /// Its first line.
    pub title: String,
    /// Its text.
    pub body: String,
    /// The labels on it, where the forge has labels.
    pub labels: Vec<String>,
    /// Whether it waits, was merged, or was closed without.
    pub state: RequestState,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestState {
    /// It waits for a person.
    Open,
    /// Closed without having been merged.
    Closed,
    /// In the branch.
    Merged,
}

/// What a request is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// One line.
    pub title: String,
    /// Markdown.
    pub body: String,
}

/// How much a forge takes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Of a title.
    pub title: usize,
    /// Of a text.
    pub body: usize,
}

/// The forge did not do it. The message says what, where and what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct ForgeFailure {
    /// For people.
    pub message: String,
    /// The forge asked not to be asked again before.
    pub wait: Option<Duration>,
}

/// The requests from one side branch into one branch of one repository.
pub trait Forge: Send + Sync + 'static {
    /// How much it takes.
    fn room(&self) -> Room;

    /// All there are, open ones and others, newest first; very old ones may be left out.
    fn requests(&self) -> BoxFuture<'_, Result<Vec<ChangeRequest>, ForgeFailure>>;

    /// Opens one, with its labels.
    fn open<'a>(&'a self, proposal: &'a Proposal) -> BoxFuture<'a, Result<ChangeRequest, ForgeFailure>>;

    /// Has an open one say what it is to say now, and carry its labels; does nothing where it does already. True if
    /// something was to be done.
    fn update<'a>(
        &'a self,
        request: &'a ChangeRequest,
        proposal: &'a Proposal,
    ) -> BoxFuture<'a, Result<bool, ForgeFailure>>;

    /// Closes one without merging it: with another text, which it keeps, and a comment that says why.
    fn close<'a>(
        &'a self,
        request: &'a ChangeRequest,
        body: &'a str,
        comment: &'a str,
    ) -> BoxFuture<'a, Result<(), ForgeFailure>>;
}
