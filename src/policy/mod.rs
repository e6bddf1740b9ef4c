//! How the newest tag is chosen for an image field, and why each other tag is not chosen.
//!
//! [`Policy::parse`] reads what the user wrote. [`choose`] takes the first eligible tag of one repository in the policy's order.
//! [`select`] takes the same tag, and gives each tag a [`Verdict`] with its reason, for people. [`Filter`] keeps repositories and tags out before a policy
//! sees them; [`ScanRules`] join the filters with the registries' hosts.
//!
//! Rules that hold for every policy:
//! - An invalid policy is an error and matches nothing (Flux v1 let it match everything).
//! - A field never moves to an older image.
//!   - A policy that orders by a part of the tag (`semver:`, `numeric:`, `alphabetical:`) moves to a strictly greater part
//!     only. If the current tag lacks the part, push times decide.
//!   - A policy that orders by push time moves only to a tag that was pushed strictly later than the current tag.
//!   - Where push times give no answer (the current tag is not listed, or the registry reports no times), two versions are
//!     compared as versions. Otherwise a tag is newer if it was pushed after the current tag was written into the file, if
//!     that moment is known. Otherwise nothing moves.
//! - `latest`, in upper or lower case, is a candidate only if the policy names exactly `latest`.
//! - An artefact that is not a container image by its name or media type (signature, attestation, SBOM, Helm chart, build cache)
//!   is no candidate. An image that cannot be pulled, or is built for other platforms ([`Platforms`]), is no candidate either.
//! - A field without a tag takes the first tag in the policy's order. A policy by push time does not take a tag whose push
//!   time is unknown, unless the tag is a version.
//! - A policy that writes digests ([`Digests`]: `digest:` and some ImagePolicies) also moves to the current tag itself, if the
//!   tag points to another image than the digest in the file. It does not if push times show that the image is older.
//!
//! Tags on one digest share a push time in ECR and are one image. If a short SHA and `latest` are pushed together, the short SHA
//! is taken, because `latest` is no candidate unless it is named. Of two names for one image the order below chooses one name, and
//! a field never moves between the two names by push time. A promotion by a second tag (`prod-x` put on the image of
//! `staging-x`) is seen as soon as the policy admits only the second tag: an image that was pushed after the current image is
//! newer, whenever its tag was added. By version (`1.0.0-rc1` to `1.0.0` on one digest) the field does move.
//!
//! Orders are total:
//! - push time: newest first, unknown times last. Ties (two tags on one digest share their push time in ECR): versions before
//!   other tags, the higher version first, then by name, descending.
//! - `semver:`: by precedence, higher first. Of equal versions (`1.10.0`, `v1.10.0`, `1.10`) the one with more numbers written
//!   comes first, then the one without `v`, then by name, descending. Build metadata does not count (no tag has any, but a
//!   part that an ImagePolicy extracts may). A tag that is no version comes last.
//! - `numeric:`, `alphabetical:`: by the captured part, greater first. Of several capture groups the first one that differs
//!   decides, and a group that captured nothing is the least. Ties as under push time.
//! - ImagePolicy: by the extracted part, greater first; with `desc` the least first. Ties as under push time, except that
//!   equal versions are ordered by name, descending.
//!
//! Holds are not known here: the caller of [`select`] passes a question that a candidate must also pass.
//! Deliberately absent: clock, network, the manifests.

mod artefact;
mod candidate;
mod dialect;
mod extracted;
mod fault;
mod filter;
mod follow;
mod glob;
mod image_policy;
mod judge;
mod order;
mod outcome;
mod parse;
mod pattern;
mod platform;
mod question;
mod range;
mod reasons;
mod scan_rules;
mod select;
mod system_registry;
mod tag_part;
mod verdict;
mod version;
mod version_range;

#[cfg(test)]
mod tests;

pub use artefact::{INDEX_MEDIA_TYPES, is_image_index};
pub use candidate::{Candidate, Choice};
pub use extracted::Digests;
pub use fault::InvalidPolicy;
pub use filter::{Filter, InvalidGlob, TagFilter};
pub use follow::Follow;
pub use parse::Policy;
pub use platform::{InvalidPlatform, Platform, Platforms};
pub use question::Question;
pub use scan_rules::{ScanRule, ScanRules};
pub use select::{choose, eligible, first_verdict, select};
pub use tag_part::{InvalidTagPart, TagPart};
pub use verdict::{Chosen, Eligibility, Selection, Verdict};
pub use version_range::VersionRange;
