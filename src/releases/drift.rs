//! Whether the objects of a release must be looked at.

use super::claims::Claim;
use crate::port::{KindState, ReleaseView};
use crate::release::{DriftRules, ReleaseName, Revision, RevisionStatus, SeenObjects};
use crate::resource::GroupKind;
use std::collections::BTreeSet;

/// Objects that must be looked at.
pub(super) struct Due {
    /// Tells this state of the objects from others.
    pub(super) input: String,
    pub(super) rules: DriftRules,
    pub(super) seen: SeenObjects,
    pub(super) followed: BTreeSet<GroupKind>,
}

/// Whether the watches show other objects than those that were compared last. Nothing is concluded from a kind that was not listed.
pub(super) fn due(claim: &Claim, name: &ReleaseName, newest: Option<&Revision>, view: &ReleaseView) -> Option<Due> {
    let newest = newest.filter(|newest| newest.status == RevisionStatus::Deployed)?;
    let rules = DriftRules::read(&claim.release.value);
    let seen = view.objects.get(name);
    let known = claim
        .status
        .objects
        .as_ref()
        .filter(|known| known.revision == newest.number);
    if let Some(known) = known {
        let is_listed = |kind: &String| {
            let state = GroupKind::parse(kind).and_then(|kind| view.kinds.get(&kind).copied());
            state.is_some_and(|state| state != KindState::Awaited)
        };
        if !known.kinds.iter().all(is_listed) {
            return None;
        }
    }
    let digest = match seen {
        Some(seen) => seen.digest(&rules),
        None => SeenObjects::default().digest(&rules),
    };
    if known.is_some_and(|known| known.digest == digest) {
        return None;
    }
    let followed = view.kinds.iter().filter(|(_, state)| **state != KindState::Awaited);
    Some(Due {
        input: format!("objects {} {digest}", newest.number),
        rules,
        seen: seen.map(|seen| (**seen).clone()).unwrap_or_default(),
        followed: followed.map(|(kind, _)| kind.clone()).collect(),
    })
}

/// The kinds of the objects of all releases.
pub(super) fn kinds<'a>(claims: impl Iterator<Item = &'a Claim>) -> BTreeSet<GroupKind> {
    let objects = claims.filter_map(|claim| claim.status.objects.as_ref());
    objects
        .flat_map(|objects| &objects.kinds)
        .filter_map(|kind| GroupKind::parse(kind))
        .collect()
}
