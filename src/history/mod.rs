//! What the commit history says about our bumps: which of them people took back, and what that keeps us from.
//!
//! A bump commit says what it did in trailers, one `Tidegate-Bump:` for each image field ([`Bump::trailer`], read back by
//! [`bumps`]). [`holds`] walks a [`Step`] list, oldest first, and finds the tags that are *rejected* for a field: a commit
//! of ours set the field to the tag, and a later commit that is not ours moved the field away from it. Where we write a digest
//! behind the tag, the two are rejected together: the tag with another digest is something else. Moving the field to
//! the tag again (a revert of the revert, a hand edit, a cherry-pick) lifts that; a `Tidegate-Resume:` trailer lifts one tag of
//! a field, all of a field's, or all there are. Later bumps of ours lift nothing: several tags can stay rejected side by side.
//!
//! Which commit is ours is told by its trailers, for one field at a time: the commit must name the very change that the
//! field made. So a `git revert` of a bump is not ours (its message quotes no trailers), and a bump commit that somebody
//! amended to change another field too is ours for the fields that it names only.
//!
//! Of lines that run beside each other each is followed on its own; a merge knows what its parents know, and is itself the
//! commit that took a tag back only where none of their lines accounts for that. So a revert holds however it got to the
//! branch: by merge, squash, rebase, or as the resolution of a conflict.
//!
//! What is not in the history is not known: a bump whose trailers a squash or an amend lost counts as a person's commit, and a
//! branch that was reset to before a bump has neither the bump nor its hold. A workload under another name is another workload.
//!
//! [`Hold::allows`] decides about a candidate. Times come from committers' clocks, so they are bounded on both sides: never
//! later than now, never earlier than our own last bump before that commit.
//!
//! [`transitions`] compares the image fields of the files that a commit changed; an object that only moves to another file
//! does not change, and a container that only gets another name stays the same field, as do the entries of a kustomization
//! or a values file that only moves. When each field was last written is told beside it.
//!
//! Pure: whoever reads git (and the files at each commit) makes the steps. Deliberately absent: file names but of what
//! has no other name, orders of tags.

mod bump;
mod hold;
mod ledger;
mod lines;
mod mark;
mod trailer;
mod transition;

#[cfg(test)]
mod property;
#[cfg(test)]
mod tests;

pub use bump::{Bump, Resume, bumps, resumes};
pub use hold::{Hold, Offer, Rejected, Remedy, Step, word};
pub use ledger::{Ledger, holds};
pub use mark::Mark;
pub use trailer::LONGEST_MESSAGE;
pub use transition::{FileFields, Said, Transition, transitions};
