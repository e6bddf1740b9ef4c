//! Checks whether the history of a branch has exactly the commits that the agent should have made.
//!
//! [`History::read`] reads a branch by the real git program: its commits, the changed lines, and the trailers as git itself
//! reads them. [`History::judge`] is a pure function of the history and of the tags that were pushed to the registry. Its
//! [`Verdict`] names the fate of each tag, and each fault with its commit.
//!
//! In a history without faults:
//! - Each tag landed exactly once, or was superseded by a newer tag, or is held because a person moved the field away.
//! - Each commit of the agent has one parent, changes something, and changes only what its trailers record: one line for each
//!   trailer, in which the new tag replaces the old tag and no other byte changes.
//! - No value moves down, each value that is set was pushed before, and no person is overruled.
//!
//! [`sound`] checks less, and checks every repository of every test: a [`crate::GitServer`] calls it when it ends.
//!
//! A file and an image's name identify a field: a history that is judged has one field of an image in a file, with the name
//! and the tag of the image on one line. Commits are read in topological order. A merge itself counts as no change.

mod bump;
mod judge;
mod read;
mod sound;
#[cfg(test)]
mod tests;
mod verdict;

pub use sound::sound;
pub use verdict::{Fate, Fault, Kind, Verdict};

/// The agent's author and committer where its configuration names no other.
pub const AGENT: &str = "Tidegate <tidegate@localhost>";

/// A tag that was pushed to the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The image's name as the files write it, without the tag.
    pub image: String,
    /// The tag.
    pub tag: String,
    /// When, in seconds since 1970.
    pub at: i64,
}

/// All that git says of a branch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Parents before children.
    pub commits: Vec<Entry>,
    /// The lines of the tip's files that name one of the images.
    pub standing: Vec<Line>,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The file.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entry {
    /// 40 hexadecimal digits.
    pub id: String,
    /// Their ids.
    pub parents: Vec<String>,
    /// `Name <address>`
    pub author: String,
    /// `Name <address>`
    pub committer: String,
    /// The committer's clock, seconds since 1970.
    pub committed: i64,
    /// The whole message.
    pub message: String,
    /// `Key: value`, as git itself finds them in the message.
    pub trailers: Vec<String>,
    /// Against the only parent; none for a merge and for the first commit.
    pub changes: Vec<Change>,
}

/// A run of lines that was replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hunk {
    /// What was there.
    pub removed: Vec<String>,
    /// What is there now.
    pub added: Vec<String>,
}

/// What a commit did to one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// The file.
    pub path: String,
    /// Runs of lines that were replaced, from the top.
    pub hunks: Vec<Hunk>,
    /// Anything but lines: modes, new and deleted files, binary content, a line end at the file's end.
    pub others: Vec<String>,
}
