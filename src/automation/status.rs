use crate::model::{CommitId, Finding};
use crate::plan::Decision;
use serde::Serialize;

/// What the newest pass found and decided.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Status {
    /// The commit it was decided on.
    pub commit: Option<CommitId>,
    /// One decision for each automated field, ordered by object and field.
    pub fields: Vec<Decision>,
    /// What could not be used in the config repo.
    pub findings: Vec<Finding>,
    /// Why the last commit could not be pushed, if so.
    pub problem: Option<String>,
}
