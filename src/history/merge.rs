//! What is known at a merge, from what is known at its parents.

use super::entry::Change;
use super::line_state::{LineState, Visit};
use std::sync::Arc;

/// A parent of a merge: what is known there, and how the merge differs from it.
struct Parent<'a> {
    state: LineState,
    changes: &'a [Change],
}

/// Merges the lines. A merge leaves a version of ours that one of its parents has, unless another parent accounts for that:
/// the merge takes the field from a line that knows the version and left it itself, or that has a newer bump of ours.
pub(super) fn merge(visit: &Visit<'_>, first: LineState, others: Vec<LineState>) -> LineState {
    let entry = visit.entry;
    let mut parents = vec![Parent {
        state: first,
        changes: &entry.changes,
    }];
    for (index, mut state) in others.into_iter().enumerate() {
        let changes = entry.merged.get(index).map(|changes| &**changes).unwrap_or_default();
        state.rename(visit, changes);
        parents.push(Parent { state, changes });
    }
    let mut state = joined(&parents);
    state.resume(visit);
    for parent in &parents {
        for change in parent.changes.iter().filter(|change| visit.follows(change.field)) {
            apply(visit, &mut state, parent, change, &parents);
        }
    }
    state
}

/// Everything that the parents know together.
fn joined(parents: &[Parent<'_>]) -> LineState {
    let mut state = LineState::default();
    for Parent { state: line, .. } in parents {
        state.last_bump = state.last_bump.max(line.last_bump);
        for (id, field) in &line.fields {
            match state.fields.get_mut(id) {
                None => drop(state.fields.insert(*id, Arc::clone(field))),
                Some(known) if Arc::ptr_eq(known, field) => {}
                Some(known) => Arc::make_mut(known).join(field),
            }
        }
    }
    state
}

/// Applies one change against one parent.
fn apply(visit: &Visit<'_>, state: &mut LineState, parent: &Parent<'_>, change: &Change, all: &[Parent<'_>]) {
    let interners = visit.interners;
    let last_bump = state.last_bump;
    let field = state.field(change.field);
    field.lift(|rejection| rejection.is_taken_up(interners, change));
    if let Some(bump) = visit.entry.bump(interners, change) {
        field.set(bump, change);
        return;
    }
    let before = parent.state.fields.get(&change.field);
    let Some((before, left)) =
        before.and_then(|before| Some((before, before.left(interners, change, parent.changes)?)))
    else {
        return;
    };
    let accounted = all.iter().any(|other| {
        let unchanged = !other.changes.iter().any(|other| other.field == change.field);
        let other = other.state.fields.get(&change.field);
        let knows = |version: u32| other.is_some_and(|field| field.is_ours(interners, version));
        let has_name = |name: u32| other.is_some_and(|field| field.has_name(name));
        unchanged
            && match change.is_name_alone() {
                true => has_name(left.image) || has_name(change.image_to) && !before.has_name(change.image_to),
                false => knows(left.version) || knows(change.to) && !before.is_ours(interners, change.to),
            }
    });
    let mut rejected = field.rejected.iter();
    let known = rejected.any(|rejection| rejection.version == left.version && rejection.image == left.image);
    if !accounted && !known && !visit.resumes(change.field, left.version) {
        field.rejected.push(visit.rejection(last_bump, left));
    }
}
