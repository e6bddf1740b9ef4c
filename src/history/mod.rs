//! What the commit history says about our bumps: which of them people took back, and which tags are held because of that.
//!
//! **Records.** A bump commit records its changes in trailers, one `Tidegate-Bump:` for each image field ([`Bump::trailer`];
//! [`bumps`] reads them back).
//!
//! **Rejections.** [`HoldIndex`] follows a list of [`Commit`]s, oldest first. It finds the tags that are *rejected* for a field:
//! a commit of ours set the field to the tag, and a later commit of somebody else moved the field away from it. Where our bump
//! wrote a digest behind the tag, the two are rejected together: the same tag with another digest is another image. Several
//! tags of one field can be rejected at the same time. Where a bump of ours wrote the image's name, too, leaving the name is
//! leaving the tag, also if the tag itself stays.
//!
//! **Lifting.** Moving the field to the tag again lifts the rejection: a revert of the revert, a hand edit, a cherry-pick. A
//! `Tidegate-Resume:` trailer lifts one tag of a field, all tags of a field, or everything. Later bumps of ours lift nothing.
//!
//! **Whose commit it is.** The trailers decide, for each field by itself: a change is ours if a trailer of its commit records
//! exactly this change. So a `git revert` of a bump is not ours: its message quotes no trailers. A bump commit that somebody
//! amended to change another field too is ours for the recorded fields only.
//!
//! **Parallel lines.** Each line of history is followed by itself. A merge knows what its parents know. The merge itself takes
//! a tag back only if none of its lines accounts for the change. So a revert holds however it reaches the branch: by merge,
//! squash or rebase, or as the resolution of a conflict.
//!
//! **Limits.** What is not in the history is not known. A bump whose trailers a squash or an amend lost counts as a person's
//! commit. A branch that was reset to a commit before a bump has neither the bump nor its hold. A renamed workload is another
//! workload.
//!
//! **Decision.** [`Hold::allows`] judges a candidate. Commit times come from committers' clocks, so they are bounded on both
//! sides: never later than now, never earlier than the last bump of ours before the commit.
//!
//! **Changes.** `field_changes` compares the image fields of the files that a commit changed. An object that moves to another
//! file does not change. A container that is renamed stays the same field, and so do the entries of a kustomization or a
//! values file that moves. [`HoldIndex::written`] tells when each field was last written.
//!
//! **Checkpoint.** An index can be written and read again, so that a process that starts need not read all commits. What is
//! written are the commits as numbers; holds are found anew.
//!
//! Pure: whoever reads git, and the files at each commit, makes the [`Commit`]s. Deliberately absent: file names, except for
//! objects that have no other name; the order of tags.

mod bump;
mod byte_form;
mod checkpoint;
mod commit;
mod confirmation;
mod entry;
mod field_change;
mod field_state;
mod hold;
mod hold_index;
mod image_version;
mod interner;
mod line_state;
mod merge;
mod rejected;
mod remedy;
mod trailer;
mod walk;

#[cfg(test)]
mod names_test;
#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;

pub use bump::{Bump, Resume, bumps, resumes};
pub(crate) use byte_form::{Bytes, Form};
pub use commit::Commit;
pub use confirmation::Confirmation;
pub use field_change::{FieldChange, FieldValue};
pub(crate) use field_change::{FileFields, field_changes};
pub use hold::{Hold, HoldCheck};
pub use hold_index::{HoldIndex, holds};
pub use image_version::ImageVersion;
pub use rejected::Rejected;
pub use remedy::Remedy;
pub(crate) use remedy::shell_word;
pub(crate) use trailer::LONGEST_MESSAGE;
