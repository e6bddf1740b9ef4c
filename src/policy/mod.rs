//! How the newest tag is chosen for an image field, and why each other tag is not it.
//!
//! [`Policy::parse`] reads what the user wrote; [`select`] puts the tags of one repository into the policy's order and
//! gives every one of them a [`Verdict`]; the first eligible one is the choice. [`Filter`] keeps repositories and tags out
//! before a policy sees them.
//!
//! Rules that hold for every policy:
//! - an invalid policy is an error and matches nothing (Flux v1 let it match everything);
//! - never to an older image. A policy that orders by a part of the tag (`semver:`, `numeric:`, `alphabetical:`) moves to a
//!   strictly greater part only; one that orders by push time moves only to a tag pushed strictly later than the current
//!   tag. Where push times do not answer (the current tag is not listed, or the registry tells no times) two versions are
//!   compared as versions; otherwise what was pushed after the current tag was written into the file is newer, if that
//!   moment is known; otherwise nothing moves. A policy by part whose current tag lacks that part falls back to push times;
//! - `latest`, in any case of letters, is a candidate only if the policy names exactly it;
//! - what is not a container image by its name or media type (signatures, attestations, SBOMs, Helm charts, build caches)
//!   is never a candidate, nor is what cannot be pulled or is known to be built for other platforms ([`Platforms`]);
//! - a field without a tag has nothing that could be newer: the first tag in the policy's order is taken, but none by push
//!   time whose push time is not known, unless it is a version;
//! - a policy that writes digests ([`Digests`]: `digest:` and some ImagePolicies) also moves to the current tag itself when
//!   that points to another image than the file's digest, unless push times say that the image is an older one.
//!
//! Tags on one digest share a push time in ECR, and are one image: of a short SHA and `latest` pushed together, the short
//! SHA is taken, since `latest` is nobody's candidate unless named; of two names for one image the order below takes one,
//! and there is never a move from one to the other by push time. A promotion by a second tag (`prod-x` put on the image of
//! `staging-x`) is seen as soon as the policy lets only the second tag in: an image that was pushed after the current
//! one's is newer, whenever its tag was put on. By version (`1.0.0-rc1` to `1.0.0` on one digest) the move is made.
//!
//! Orders are total:
//! - push time: newest first, unknown times last; ties (two tags on one digest share their push time in ECR): versions
//!   before other tags, the higher version first, then the name, descending;
//! - `semver:`: precedence, higher first; of equal ones (`1.10.0`, `v1.10.0`, `1.10`) the one with more numbers written,
//!   then the one without `v`, then the name, descending; build metadata does not count (no tag has any, but what an
//!   ImagePolicy extracts may); what is not a version comes last;
//! - `numeric:`, `alphabetical:`: the captured part, greater first; of several capture groups the first one that differs
//!   decides, and a group that took no part is the least; ties as under push time;
//! - ImagePolicy: the extracted part, greater first, with `desc` the least first; ties as under push time, but for versions
//!   the name, descending.
//!
//! Holds are not known here: the caller of [`select`] passes a question that a candidate must also pass.
//! Deliberately absent: clock, network, the manifest's point of view.

mod artefact;
mod dialect;
mod filter;
mod glob;
mod image_policy;
mod order;
mod outcome;
mod parse;
mod pattern;
mod platform;
mod range;
mod scan_rules;
mod select;
mod system_registry;
mod version;

#[cfg(test)]
mod tests;

pub use filter::{Filter, InvalidGlob};
pub use image_policy::Digests;
pub use parse::{InvalidPolicy, Policy};
pub use platform::{InvalidPlatform, Platform, Platforms};
pub use scan_rules::{ScanRule, ScanRules};
pub use select::{Candidate, Choice, Eligibility, Question, Selection, Verdict, select};
