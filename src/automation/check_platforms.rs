//! The platforms of candidates: an image must be built for the platforms of the cluster to be a candidate.

use crate::model::{Digest, Repository};
use crate::plan::{PlannedBump, Tags};
use crate::policy::{Candidate, Platforms, is_image_index};
use crate::port::{ImageKey, PlatformAnswer, ScanState};
use std::collections::{BTreeMap, BTreeSet};

/// Marks the candidates of a repository that are known to lack a required platform.
pub(super) fn mark_unfit(candidates: &mut [Candidate], required: &Platforms, known: &BTreeMap<Digest, PlatformAnswer>) {
    for (digest, answer) in known {
        let PlatformAnswer::Known(built) = answer else { continue };
        let Some(reason) = required.unfit(built) else { continue };
        let same = candidates
            .iter_mut()
            .filter(|candidate| candidate.digest.as_ref() == Some(digest));
        same.for_each(|candidate| candidate.unfit = Some(reason.clone()));
    }
}

/// The image indexes that a bump moves to: their platforms must be known before the bump is made.
pub(super) fn index_images(bump: &PlannedBump, tags: &BTreeMap<Repository, Tags>) -> Vec<ImageKey> {
    let main = (bump.bumped_image().repository(), bump.digest.clone());
    let images = std::iter::once(&main).chain(&bump.others);
    images
        .filter_map(|(repository, digest)| index(bump, repository, digest.as_ref(), tags))
        .collect()
}

/// Why a bump waits for the platforms of its image indexes, if it does. The images whose platforms must be read are added to
/// `unread`.
pub(super) fn waits_for(
    bump: &PlannedBump,
    indexes: &[ImageKey],
    scan_state: &ScanState,
    unread: &mut BTreeSet<ImageKey>,
) -> Option<String> {
    let mut waits = None;
    for image in indexes {
        let reason = match scan_state.platforms_of(image) {
            None => format!("the platforms of {} are being read", bump.to),
            Some(PlatformAnswer::Failed(error)) => {
                format!("the platforms of {} could not be read yet: {error}", bump.to)
            }
            Some(PlatformAnswer::Known(_) | PlatformAnswer::Unavailable(_)) => continue,
        };
        unread.insert(image.clone());
        waits = Some(reason);
    }
    waits
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
