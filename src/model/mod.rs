//! The types that every room shares: image references, tags, commits, objects, findings.
//!
//! A value of one of these types is well formed: parsing checks it, so code that has a [`Tag`] need not check it again.
//! The room is pure: it has no clock, no disk and no network, and it imports no other room.

mod author;
mod backoff;
mod causes;
mod commit_prefix;
mod finding;
mod git;
mod hold;
mod image;
mod object;
mod printable;
mod remote;
mod secret;
mod table;
mod target;
#[cfg(test)]
mod tests;
mod wildcard;

pub use author::{Author, InvalidAuthor};
pub(crate) use backoff::Backoff;
pub(crate) use causes::with_causes;
pub use commit_prefix::CommitPrefix;
pub use finding::{Finding, Position, Severity};
pub use git::{BlobId, BranchName, CommitId, InvalidName, RepoPath};
pub use hold::HoldUntil;
pub use image::{Digest, ImageRef, InvalidImage, Repository, Tag};
pub use object::{FieldId, FieldName, ObjectId};
pub(crate) use printable::{Printable, is_unprintable};
pub use remote::{ConfigBranch, Remote};
pub use secret::{Secret, SecretBytes};
pub(crate) use table::table;
pub use target::TargetId;
pub use wildcard::Wildcard;
