//! What a commit declares, as a command reads it.

use crate::model::CommitId;
use crate::port::{ConfigRepo, DeclaredSource, DeclaredState, RepoFailure};
use crate::source::Reader;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Who reads what commits declare.
pub(super) enum Declared<'a> {
    /// The running agent, which has read most of it already.
    Agent(&'a dyn DeclaredSource),
    /// A command that runs apart from the agent.
    Apart(Box<Mutex<Reader>>),
}

impl Declared<'_> {
    pub(super) fn apart(reader: Reader) -> Self {
        Self::Apart(Box::new(Mutex::new(reader)))
    }

    pub(super) async fn at(&self, repo: &impl ConfigRepo, commit: CommitId) -> Result<Arc<DeclaredState>, RepoFailure> {
        match self {
            Self::Agent(source) => source.at(commit).await,
            Self::Apart(reader) => reader.lock().await.read(repo, commit).await,
        }
    }
}
