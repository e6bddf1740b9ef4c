use crate::model::{CommitId, Finding};
use crate::plan::Decision;
use serde::Serialize;

/// What the newest pass decided. Log, metrics, API and command line all read it here.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Status {
    /// The commit that the decisions are about.
    pub commit: Option<CommitId>,
    /// One decision for each automated field, ordered by object and field.
    pub fields: Vec<Decision>,
    /// What could not be used in the config repo.
    pub findings: Vec<Finding>,
    /// Why planned bumps are not made, if one was not.
    pub problem: Option<String>,
}
