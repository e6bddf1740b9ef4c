//! What is known about all fields at one commit, and what a commit with one parent changes about it.

use super::entry::{Change, Entry};
use super::field_state::{FieldState, Left, Rejection};
use super::interner::Interners;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is known at a commit. Fields that did not change share their state with the commit before.
#[derive(Debug, Default, Clone)]
pub(super) struct LineState {
    pub(super) fields: BTreeMap<u32, Arc<FieldState>>,
    /// The time of the latest bump of ours.
    pub(super) last_bump: Option<Timestamp>,
}

/// An entry while the walk is at it.
pub(super) struct Visit<'a> {
    pub(super) interners: &'a Interners,
    pub(super) entry: &'a Entry,
    /// The index of the entry.
    pub(super) index: u32,
    /// The fields that the walk follows; `None` for all.
    pub(super) only: Option<&'a BTreeSet<u32>>,
}

impl Visit<'_> {
    pub(super) fn follows(&self, field: u32) -> bool {
        self.only.is_none_or(|only| only.contains(&field))
    }

    pub(super) fn resumes(&self, field: u32, version: u32) -> bool {
        self.entry.resumes(self.interners, field, version)
    }

    /// The rejection by this entry. Its time is bounded from below by the last bump: a clock may be behind.
    pub(super) fn rejection(&self, last_bump: Option<Timestamp>, left: Left) -> Rejection {
        let committed_at = self.entry.committed_at;
        Rejection {
            index: self.index,
            version: left.version,
            image: left.image,
            with_name: left.with_name,
            at: last_bump.map_or(committed_at, |bump| bump.max(committed_at)),
        }
    }
}

impl LineState {
    pub(super) fn field(&mut self, id: u32) -> &mut FieldState {
        Arc::make_mut(self.fields.entry(id).or_default())
    }

    /// Moves the state of renamed fields to their new names.
    pub(super) fn rename(&mut self, visit: &Visit<'_>, changes: &[Change]) {
        let renamed = changes
            .iter()
            .filter(|change| visit.follows(change.field))
            .filter_map(|change| Some((change.was?, change.field)));
        let moved: Vec<_> = renamed
            .filter_map(|(was, is)| Some((is, self.fields.remove(&was)?)))
            .collect();
        for (id, field) in moved {
            self.field(id).join(&field);
        }
    }

    /// Lifts what the trailers of the commit lift.
    pub(super) fn resume(&mut self, visit: &Visit<'_>) {
        if visit.entry.resumes_all {
            let held = self.fields.values_mut().filter(|field| !field.rejected.is_empty());
            held.for_each(|field| drop(Arc::make_mut(field).lift(|_| true)));
        }
        for (id, _) in &visit.entry.resumes {
            if let Some(field) = self.fields.get_mut(id).filter(|field| !field.rejected.is_empty()) {
                Arc::make_mut(field).lift(|rejection| visit.resumes(*id, rejection.version));
            }
        }
    }

    /// Applies a commit with one parent.
    pub(super) fn follow(&mut self, visit: &Visit<'_>) {
        let (entry, interners) = (visit.entry, visit.interners);
        let last_bump = self.last_bump;
        let changes = entry.changes.iter().filter(|change| visit.follows(change.field));
        let lifting = changes.map(|change| {
            let lifted = self
                .field(change.field)
                .lift(|rejection| rejection.is_taken_up(interners, change));
            (change, lifted)
        });
        let lifting: Vec<(&Change, Vec<(u32, u32)>)> = lifting.collect();
        self.resume(visit);
        for (change, taken_up) in lifting {
            let field = self.field(change.field);
            if let Some(bump) = entry.bump(interners, change) {
                field.set(bump, change);
            } else if let Some(left) = field.left(interners, change, &entry.changes)
                && !visit.resumes(change.field, left.version)
                && field.is_set_over(left.version, &taken_up)
            {
                field.rejected.push(visit.rejection(last_bump, left));
            }
        }
    }
}
