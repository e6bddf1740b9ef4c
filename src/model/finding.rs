use super::{ObjectId, RepoPath};
use serde::Serialize;
use std::fmt;

/// A position in a text file. Line and column count from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Passed over on purpose; nobody has to act.
    Notice,
    /// Something the user wrote cannot be used; the reading is still complete.
    Warning,
    /// A file or document could not be read: nothing may be concluded from what is absent.
    Error,
}

/// Something in the config repo that we cannot use: where it is, what is wrong, what to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Finding {
    /// The file.
    pub path: RepoPath,
    /// The position in the file, if it is known.
    pub position: Option<Position>,
    /// The object it concerns, where one is known.
    pub object: Option<ObjectId>,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong and what to do, one sentence each.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        if let Some(position) = self.position {
            write!(f, ":{position}")?;
        }
        if let Some(object) = &self.object {
            write!(f, ": {object}")?;
        }
        write!(f, ": {}", self.message)
    }
}
