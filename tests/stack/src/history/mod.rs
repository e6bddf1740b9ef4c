//! A checker of histories: whatever was done to the agent, did it do to the branch what it should?
//!
//! [`History::read`] asks the real git program for everything there is to know of a branch: commits, changed lines, and the
//! trailers as git itself reads them. [`History::judge`] is a pure function of that and of the tags
//! that were pushed to the registry; its [`Verdict`] names a fate for each tag, and every fault with the commit that has it.
//!
//! What a history without fault says:
//! - Each tag was landed exactly once, or overtaken by a newer one, or is held because a person moved the field away.
//! - Each commit of the agent has one parent, changes something, and changes only what its trailers tell: one line for each,
//!   in which the old tag became the new one and no other byte moved.
//! - No value moves down, none is set that was never pushed, and no person is overruled.
//!
//! [`sound`] asks less, and of every repository of every test: a [`crate::GitServer`] does so when it ends.
//!
//! A field is known here by its file and its image's name: histories to be judged have one field of an image in a file, and
//! its image's name and tag on one line. Commits are taken in topological order, and merges as changing nothing themselves.

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
