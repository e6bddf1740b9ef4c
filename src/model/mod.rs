//! The words every room shares, as types: what an image reference, a tag, a commit or an object is called.
//!
//! A value of one of these types is well formed from the door on; whoever holds a [`Tag`] need not check it again.
//! Pure: no clock, no disk, no network, no knowledge of any room above.

mod backoff;
mod causes;
mod finding;
mod git;
mod hold;
mod image;
mod object;
mod secret;
mod target;
#[cfg(test)]
mod tests;
mod wildcard;

pub use backoff::Backoff;
pub use causes::with_causes;
pub use finding::{Finding, Position, Severity};
pub use git::{BlobId, BranchName, CommitId, InvalidName, RepoPath};
pub use hold::HoldUntil;
pub use image::{Digest, ImageRef, InvalidImage, Repository, Tag};
pub use object::{FieldId, FieldName, ObjectId};
pub use secret::{Secret, SecretBytes};
pub use target::TargetId;
pub use wildcard::Wildcard;
