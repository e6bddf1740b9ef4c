use super::bump::{Bump, Resume};
use super::field_change::FieldChange;
use crate::model::CommitId;
use jiff::Timestamp;

/// One commit of a history, reduced to what matters for holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The commit's id.
    pub commit: CommitId,
    /// The parents, first parent first. The parents of the oldest commit need not be in the history.
    pub parents: Vec<CommitId>,
    /// The author, `Name <address>`.
    pub author: String,
    /// Committer time, or the time at which the reader first saw the commit, whichever is earlier.
    pub committed_at: Timestamp,
    /// The bumps that the trailers record.
    pub ours: Vec<Bump>,
    /// The holds that the trailers lift.
    pub resumes: Vec<Resume>,
    /// How image fields changed against the first parent, in all files.
    pub changes: Vec<FieldChange>,
    /// How image fields changed against each further parent of a merge.
    pub merged: Vec<Vec<FieldChange>>,
}
