//! Platforms of candidates: an image that is built for other platforms than the cluster's is no candidate.

use crate::model::Repository;
use crate::plan::{BumpPlan, PlannedBump, Tags};
use crate::policy::Platforms;
use crate::port::{ImageKey, PlatformAnswer};
use std::collections::{BTreeMap, BTreeSet};

/// Media types that begin with one of these belong to image indexes: lists of images, each built for one platform.
const INDEXES: [&str; 2] = [
    "application/vnd.oci.image.index.",
    "application/vnd.docker.distribution.manifest.list.",
];

/// Marks the candidates that are known to lack a required platform.
pub(super) fn mark_unfit(
    tags: &mut BTreeMap<Repository, Tags>,
    required: &Platforms,
    known: &BTreeMap<ImageKey, PlatformAnswer>,
) {
    for ((repository, digest), answer) in known {
        let PlatformAnswer::Known(built) = answer else { continue };
        let (Some(reason), Some(Tags::Listed(candidates))) = (required.unfit(built), tags.get_mut(repository)) else {
            continue;
        };
        let same = candidates
            .iter_mut()
            .filter(|candidate| candidate.digest.as_ref() == Some(digest));
        same.for_each(|candidate| candidate.unfit = Some(reason.clone()));
    }
}

/// Removes the bumps to image indexes whose platforms have not been read. Returns these images, so that they are read.
pub(super) fn postpone(
    plan: &mut BumpPlan,
    tags: &BTreeMap<Repository, Tags>,
    known: &BTreeMap<ImageKey, PlatformAnswer>,
) -> BTreeSet<ImageKey> {
    let mut unread = BTreeSet::new();
    plan.postpone(|bump| {
        let image = index(bump, tags)?;
        let reason = match known.get(&image) {
            None => format!("the platforms of {} are being read", bump.to),
            Some(PlatformAnswer::Failed(error)) => {
                format!("the platforms of {} could not be read yet: {error}", bump.to)
            }
            Some(PlatformAnswer::Known(_) | PlatformAnswer::Unavailable(_)) => return None,
        };
        unread.insert(image);
        Some(reason)
    });
    unread
}

/// The image that a bump moves to, if it is an image index.
fn index(bump: &PlannedBump, tags: &BTreeMap<Repository, Tags>) -> Option<ImageKey> {
    let repository = bump.image.repository();
    let Tags::Listed(candidates) = tags.get(&repository)? else {
        return None;
    };
    let candidate = candidates.iter().find(|candidate| candidate.tag == bump.to)?;
    let media_type = candidate.media_type.as_deref()?.to_ascii_lowercase();
    let is_index = INDEXES.iter().any(|start| media_type.starts_with(start));
    is_index.then_some((repository, bump.digest.clone()?))
}
