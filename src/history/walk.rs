//! The walk along the lines of history. What is known at a commit comes from its parents, so the order in which the commits of
//! different lines are listed does not matter.

use super::entry::Entry;
use super::interner::Interners;
use super::line_state::{LineState, Visit};
use super::merge::merge;
use std::collections::{BTreeSet, HashMap};

/// What is known at the last entry, given what is known before the entry `from`. `only` names the fields to follow; `None`
/// follows all. The entries from `from` on must not have parents before the entry just before `from`.
pub(super) fn walk(
    interners: &Interners,
    entries: &[Entry],
    from: usize,
    before: LineState,
    only: Option<&BTreeSet<u32>>,
) -> LineState {
    let new = entries.iter().enumerate().skip(from);
    let mut known = Known::new(new.clone().flat_map(|(_, entry)| entry.parents.iter().flatten()));
    if let Some(last) = from.checked_sub(1) {
        known.states.insert(number(last), before);
    }
    let mut end = LineState::default();
    for (index, entry) in new {
        let visit = Visit {
            interners,
            entry,
            index: number(index),
            only,
        };
        let mut parents = entry
            .parents
            .iter()
            .map(|parent| parent.map_or_else(LineState::default, |parent| known.take(parent)));
        let mut state = parents.next().unwrap_or_default();
        let others: Vec<LineState> = parents.collect();
        state.rename(&visit, &entry.changes);
        if others.is_empty() {
            state.follow(&visit);
        } else {
            state = merge(&visit, state, others);
        }
        if !entry.ours.is_empty() {
            state.last_bump = state.last_bump.max(Some(entry.committed_at));
        }
        if index + 1 == entries.len() {
            end = state;
        } else if known.children.contains_key(&visit.index) {
            known.states.insert(visit.index, state);
        }
    }
    end
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The states of entries whose children are still to come.
struct Known {
    states: HashMap<u32, LineState>,
    /// How many children of an entry are still to come.
    children: HashMap<u32, usize>,
}

impl Known {
    fn new<'a>(parents: impl Iterator<Item = &'a u32>) -> Self {
        let mut children: HashMap<u32, usize> = HashMap::new();
        for parent in parents {
            *children.entry(*parent).or_default() += 1;
        }
        Self {
            states: HashMap::new(),
            children,
        }
    }

    /// The state of an entry: moved out for its last child, copied for the others.
    fn take(&mut self, index: u32) -> LineState {
        let left = self.children.entry(index).or_default();
        *left = left.saturating_sub(1);
        let state = if *left == 0 {
            self.states.remove(&index)
        } else {
            self.states.get(&index).cloned()
        };
        state.unwrap_or_default()
    }
}
