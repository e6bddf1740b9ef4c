//! The walk along the lines of history: what is known at each commit comes from its parents, so the order in which commits
//! of different lines are listed plays no part.

use super::bump::{Bump, Resume};
use super::hold::{Hold, Rejected, Step};
use super::mark::Mark;
use super::transition::Transition;
use crate::model::{CommitId, FieldId};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// What is known of a field at a commit.
#[derive(Default, Clone)]
struct Field {
    /// What bumps of ours set so far, with the image's name.
    ours: BTreeMap<Mark, String>,
    rejected: Vec<Rejected>,
    /// Rejections that were lifted, by the commit that had made them.
    lifted: BTreeSet<(CommitId, Mark)>,
}

/// What is known at a commit.
#[derive(Default, Clone)]
struct State {
    fields: BTreeMap<FieldId, Arc<Field>>,
    last_bump: Option<Timestamp>,
}

/// What is held at the end of a history: at its last step. A parent comes before its children.
pub fn holds(timeline: &[Step]) -> BTreeMap<FieldId, Hold> {
    let mut children: HashMap<CommitId, usize> = HashMap::new();
    for parent in timeline.iter().flat_map(|step| &step.parents) {
        *children.entry(*parent).or_default() += 1;
    }
    let mut states: HashMap<CommitId, State> = HashMap::new();
    let mut end = State::default();
    for (index, step) in timeline.iter().enumerate() {
        let mut parents = step
            .parents
            .iter()
            .map(|parent| taken(&mut states, &mut children, *parent));
        let mut state = parents.next().unwrap_or_default();
        let others: Vec<State> = parents.collect();
        state.rename(&step.transitions);
        if others.is_empty() {
            state.resume(step);
            state.follow(step);
        } else {
            state = merge(step, state, others);
        }
        if let Some(bump) = (!step.ours.is_empty()).then_some(step.committed_at) {
            state.last_bump = state.last_bump.max(Some(bump));
        }
        if index + 1 == timeline.len() {
            end = state;
        } else if children.contains_key(&step.commit) {
            states.insert(step.commit, state);
        }
    }
    let held = end.fields.into_iter().filter(|(_, field)| !field.rejected.is_empty());
    held.map(|(id, field)| {
        let rejected = field.rejected.clone();
        (id, Hold { rejected })
    })
    .collect()
}

/// A parent's state: itself for its last child, a copy for others.
fn taken(states: &mut HashMap<CommitId, State>, children: &mut HashMap<CommitId, usize>, id: CommitId) -> State {
    let left = children.entry(id).or_default();
    *left = left.saturating_sub(1);
    let known = if *left == 0 {
        states.remove(&id)
    } else {
        states.get(&id).cloned()
    };
    known.unwrap_or_default()
}

impl State {
    fn field(&mut self, id: &FieldId) -> &mut Field {
        Arc::make_mut(self.fields.entry(id.clone()).or_default())
    }

    fn rename(&mut self, changes: &[Transition]) {
        let renamed = changes
            .iter()
            .filter_map(|change| Some((change.was.as_ref()?, &change.field)));
        let moved: Vec<_> = renamed
            .filter_map(|(was, is)| Some((is.clone(), self.fields.remove(was)?)))
            .collect();
        for (id, field) in moved {
            self.field(&id).join(&field);
        }
    }

    fn resume(&mut self, step: &Step) {
        for resume in &step.resumes {
            match resume {
                Resume::All => {
                    let held = self.fields.values_mut().filter(|field| !field.rejected.is_empty());
                    held.for_each(|field| Arc::make_mut(field).lift(|_| true));
                }
                Resume::Field(id) => {
                    if self.fields.contains_key(id) {
                        self.field(id).lift(|_| true);
                    }
                }
            }
        }
    }

    /// What a commit with one parent did.
    fn follow(&mut self, step: &Step) {
        let last_bump = self.last_bump;
        for change in &step.transitions {
            let field = self.field(&change.field);
            field.lift(|mark| !mark.is_left_by(&change.to));
            if let Some(bump) = step.ours.iter().find(|bump| bump.is(change)) {
                field.ours.insert(bump.after(), bump.image.clone());
            } else if let Some((mark, image)) = field.left(change, &step.transitions) {
                field.lift(|other| *other == mark);
                field.rejected.extend(rejected(step, last_bump, mark, image));
            }
        }
    }
}

impl Field {
    fn lift(&mut self, which: impl Fn(&Mark) -> bool) {
        let lifted = self.rejected.extract_if(.., |rejected| which(&rejected.mark()));
        self.lifted
            .extend(lifted.map(|rejected| (rejected.commit, rejected.mark())));
    }

    /// What of ours a change leaves. A field that also moves to the tag in the same commit has not left it: its object
    /// went from one file to another.
    fn left(&self, change: &Transition, all: &[Transition]) -> Option<(Mark, String)> {
        let tag = change.from.tag.clone()?;
        let moved = |other: &Transition| other.field == change.field && other.to == change.from;
        if !change.from.is_left_by(&change.to) || all.iter().any(moved) {
            return None;
        }
        let ours = [change.from.clone(), Mark::from(tag)]
            .into_iter()
            .find_map(|mark| self.ours.get_key_value(&mark))?;
        Some((ours.0.clone(), ours.1.clone()))
    }

    /// What two lines know together: a rejection that one of them lifted is lifted.
    fn join(&mut self, other: &Self) {
        for (mark, image) in &other.ours {
            self.ours.entry(mark.clone()).or_insert_with(|| image.clone());
        }
        self.lifted.extend(other.lifted.iter().cloned());
        self.rejected.extend(other.rejected.iter().cloned());
        let lifted = &self.lifted;
        self.rejected
            .retain(|rejected| !lifted.contains(&(rejected.commit, rejected.mark())));
        self.rejected.sort_by_key(|rejected| (rejected.at, rejected.commit));
        let mut seen = BTreeSet::new();
        self.rejected.reverse();
        self.rejected.retain(|rejected| seen.insert(rejected.mark()));
        self.rejected.reverse();
    }
}

/// A merge leaves a tag of ours that stood in one of its parents, unless the line that it takes the field from has left the
/// tag itself (knowing it), or has it from a newer bump of ours.
fn merge(step: &Step, first: State, others: Vec<State>) -> State {
    let none = Vec::new();
    let mut lines = vec![(first, &step.transitions)];
    for (index, mut other) in others.into_iter().enumerate() {
        let changes = step.merged.get(index).unwrap_or(&none);
        other.rename(changes);
        lines.push((other, changes));
    }
    let mut state = State::default();
    for (line, _) in &lines {
        state.last_bump = state.last_bump.max(line.last_bump);
        for (id, field) in &line.fields {
            match state.fields.get_mut(id) {
                None => drop(state.fields.insert(id.clone(), Arc::clone(field))),
                Some(known) if Arc::ptr_eq(known, field) => {}
                Some(known) => Arc::make_mut(known).join(field),
            }
        }
    }
    state.resume(step);
    let last_bump = state.last_bump;
    for (line, changes) in &lines {
        for change in *changes {
            let before = line.fields.get(&change.field);
            let field = state.field(&change.field);
            field.lift(|mark| !mark.is_left_by(&change.to));
            if let Some(bump) = step.ours.iter().find(|bump| bump.is(change)) {
                field.ours.insert(bump.after(), bump.image.clone());
                continue;
            }
            let Some((before, (mark, image))) = before.and_then(|before| Some((before, before.left(change, changes)?)))
            else {
                continue;
            };
            let accounted = lines.iter().any(|(other, changes)| {
                let stands = !changes.iter().any(|other| other.field == change.field);
                let knows = |mark: &Mark| {
                    other
                        .fields
                        .get(&change.field)
                        .is_some_and(|f| f.ours.contains_key(mark))
                };
                stands && (knows(&mark) || knows(&change.to) && !before.ours.contains_key(&change.to))
            });
            if !accounted && field.rejected.iter().all(|rejected| rejected.mark() != mark) {
                field.rejected.extend(rejected(step, last_bump, mark, image));
            }
        }
    }
    state
}

fn rejected(step: &Step, last_bump: Option<Timestamp>, mark: Mark, image: String) -> Option<Rejected> {
    Some(Rejected {
        tag: mark.tag?,
        digest: mark.digest,
        image,
        commit: step.commit,
        author: step.author.clone(),
        at: last_bump.map_or(step.committed_at, |bump| bump.max(step.committed_at)),
    })
}

impl Bump {
    /// What the field said before may differ: the bump was picked to another branch.
    fn is(&self, change: &Transition) -> bool {
        self.field == change.field && self.after() == change.to
    }
}
