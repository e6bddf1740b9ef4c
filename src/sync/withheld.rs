use super::report::FailedObject;
use super::sync_plan::{ApplyStep, DeletionStep};
use crate::model::ObjectId;
use crate::resource::{Allocations, GroupKind};
use std::collections::BTreeSet;

/// Takes those deletions out that a refused object could be about to replace: a deletion of the same kind in the same
/// namespace. While the new object is refused, the old one stays. Returns why they are not carried out.
pub(super) fn withhold(deletions: &mut Vec<DeletionStep>, refused: &[&ObjectId]) -> Option<String> {
    let replacement = |step: &DeletionStep| refused.iter().find(|refused| could_replace(refused, &step.id));
    let withheld: Vec<DeletionStep> = deletions.extract_if(.., |step| replacement(step).is_some()).collect();
    let first = withheld.first()?;
    let refused = replacement(first)?;
    let objects = match withheld.len() {
        1 => format!("{} is no longer declared and not deleted", first.id),
        count => format!(
            "{count} objects that are no longer declared are not deleted, among them {}",
            first.id
        ),
    };
    Some(format!("{objects}: {refused} could not be applied; correct it first"))
}

/// The deletions that must come before an object can be applied: each has what the object asks for, such as a node port.
///
/// `failed` is everything that was refused. Nothing comes first that another refused object could be about to replace.
pub(super) fn in_the_way<'a>(
    step: &ApplyStep,
    deletions: &'a [DeletionStep],
    failed: &[FailedObject],
) -> Vec<&'a DeletionStep> {
    let kind = GroupKind::of(&step.id);
    let asked = Allocations::of(&kind, &step.object.value.value());
    let is_taken = |failed: &&FailedObject| Allocations::is_taken(&failed.message);
    let others: BTreeSet<&ObjectId> = failed
        .iter()
        .filter(|failed| failed.id != step.id && !is_taken(failed))
        .map(|failed| &failed.id)
        .collect();
    if !failed.iter().any(|failed| failed.id == step.id && is_taken(&failed)) {
        return Vec::new();
    }
    let holders = deletions.iter().filter(|deletion| {
        GroupKind::of(&deletion.id) == kind
            && deletion.seen.allocations.overlaps(&asked)
            && !others.iter().any(|other| could_replace(other, &deletion.id))
    });
    holders.collect()
}

fn could_replace(new: &ObjectId, old: &ObjectId) -> bool {
    GroupKind::of(new) == GroupKind::of(old) && new.namespace == old.namespace
}
