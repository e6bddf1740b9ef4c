//! The platforms of candidates: an image must be built for the platforms of the cluster to be a candidate.

use crate::model::{Digest, Repository};
use crate::plan::{BumpPlan, PlannedBump, Tags};
use crate::policy::{Platforms, is_image_index};
use crate::port::{ImageKey, PlatformAnswer};
use std::collections::{BTreeMap, BTreeSet};

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
        let main = (bump.bumped_image().repository(), bump.digest.clone());
        let mut waits = None;
        for (repository, digest) in std::iter::once(&main).chain(&bump.others) {
            let Some(image) = index(bump, repository, digest.as_ref(), tags) else {
                continue;
            };
            let reason = match known.get(&image) {
                None => format!("the platforms of {} are being read", bump.to),
                Some(PlatformAnswer::Failed(error)) => {
                    format!("the platforms of {} could not be read yet: {error}", bump.to)
                }
                Some(PlatformAnswer::Known(_) | PlatformAnswer::Unavailable(_)) => continue,
            };
            unread.insert(image);
            waits = Some(reason);
        }
        waits
    });
    unread
}

/// The image that a bump moves to in a repository, if it is an image index.
fn index(
    bump: &PlannedBump,
    repository: &Repository,
    digest: Option<&Digest>,
    tags: &BTreeMap<Repository, Tags>,
) -> Option<ImageKey> {
    let Tags::Listed(candidates) = tags.get(repository)? else {
        return None;
    };
    let candidate = candidates.iter().find(|candidate| candidate.tag == bump.to)?;
    let is_index = is_image_index(candidate.media_type.as_deref()?);
    is_index.then_some((repository.clone(), digest?.clone()))
}
