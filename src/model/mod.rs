//! The types that every room shares: image references, tags, commits, objects, findings.
//!
//! A value of one of these types is well formed: parsing checks it, so code that has a [`Tag`] need not check it again.
//! Pure: no clock, no disk, no network, no knowledge of any room above.

mod backoff;
mod causes;
mod finding;
mod git;
mod hold;
mod image;
mod object;
mod printable;
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
pub use printable::{Printable, is_unprintable};
pub use secret::{Secret, SecretBytes};
pub use target::TargetId;
pub use wildcard::Wildcard;
