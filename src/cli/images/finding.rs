use crate::model::{ObjectId, Position, Severity};
use serde::Serialize;
use std::fmt;

/// A problem, and where it is. As a finding of the agent, but with a path of this machine.
#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    pub(super) path: String,
    pub(super) position: Option<Position>,
    pub(super) object: Option<ObjectId>,
    /// The table's readers see a finding only where somebody has to act.
    pub(super) severity: Severity,
    pub(super) message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let Some(position) = self.position {
            write!(f, ":{position}")?;
        }
        if let Some(object) = &self.object {
            write!(f, ": {object}")?;
        }
        write!(f, ": {}", self.message)
    }
}
