use super::{ObjectId, RepoPath};
use serde::Serialize;
use std::fmt;

/// A position in a text file. Line and column count from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Position {
    /// The line. The first line is 1.
    pub line: usize,
    /// The column in characters, not in bytes. The first column is 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// What a finding means for the reader, and for what may be concluded from the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The agent skips something on purpose. Nobody has to act.
    Notice,
    /// Something that the user wrote cannot be used. Everything else in the file was read.
    Warning,
    /// A file or a document could not be read. An object that is absent from the result may still be declared in the repo, so
    /// nothing may be pruned.
    Error,
}

/// Something in the config repo that the agent cannot use: where it is, what is wrong, what to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Finding {
    /// The file that has the problem.
    pub path: RepoPath,
    /// The position in the file, if it is known.
    pub position: Option<Position>,
    /// The object that has the problem, if it is known.
    pub object: Option<ObjectId>,
    /// Whether somebody has to act, and whether the reading is complete.
    pub severity: Severity,
    /// What is wrong and what to do, in one sentence each.
    pub message: String,
}

impl Finding {
    /// Whether something could not be read, so that nothing may be concluded from its absence.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
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
