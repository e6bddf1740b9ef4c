use crate::plan::{BumpPlan, PlannedBump, Tags};
use crate::policy::Platforms;
use crate::port::{ImageKey, PlatformAnswer};
use std::collections::{BTreeMap, BTreeSet};

/// Images whose media type is the beginning of one of these can be built for several platforms, and say for which.
const INDEXES: [&str; 2] = [
    "application/vnd.oci.image.index.",
    "application/vnd.docker.distribution.manifest.list.",
];

/// Marks the candidates that are known to be built for other platforms than those wanted.
pub(super) fn mark(
    tags: &mut BTreeMap<crate::model::Repository, Tags>,
    wanted: &Platforms,
    told: &BTreeMap<ImageKey, PlatformAnswer>,
) {
    for ((repository, digest), told) in told {
        let PlatformAnswer::Known(built) = told else { continue };
        let (Some(reason), Some(Tags::Listed(candidates))) = (wanted.unfit(built), tags.get_mut(repository)) else {
            continue;
        };
        let same = candidates
            .iter_mut()
            .filter(|candidate| candidate.digest.as_ref() == Some(digest));
        same.for_each(|candidate| candidate.unfit = Some(reason.clone()));
    }
}

/// Takes the bumps out of the plan whose images' platforms could be told and have not been read; returns those images.
pub(super) fn postpone(
    plan: &mut BumpPlan,
    tags: &BTreeMap<crate::model::Repository, Tags>,
    told: &BTreeMap<ImageKey, PlatformAnswer>,
) -> BTreeSet<ImageKey> {
    let mut unread = BTreeSet::new();
    plan.postpone(|bump| {
        let image = index(bump, tags)?;
        let reason = match told.get(&image) {
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

/// The bump's image, if it can be built for several platforms.
fn index(bump: &PlannedBump, tags: &BTreeMap<crate::model::Repository, Tags>) -> Option<ImageKey> {
    let repository = bump.image.repository();
    let Tags::Listed(candidates) = tags.get(&repository)? else {
        return None;
    };
    let candidate = candidates.iter().find(|candidate| candidate.tag == bump.to)?;
    let media_type = candidate.media_type.as_deref()?.to_ascii_lowercase();
    let several = INDEXES.iter().any(|start| media_type.starts_with(start));
    several.then_some((repository, bump.digest.clone()?))
}
