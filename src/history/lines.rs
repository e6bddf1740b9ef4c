//! The walk along the lines of history: what is known at each commit comes from its parents, so the order in which commits
//! of different lines are listed plays no part.

use super::mark::Mark;
use crate::model::{CommitId, FieldId, Tag};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

/// Values by small numbers: histories name the same fields again and again.
#[derive(Debug)]
pub(super) struct Numbered<T> {
    values: Vec<Arc<T>>,
    numbers: HashMap<Arc<T>, u32>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            numbers: HashMap::new(),
        }
    }
}

impl<T: Eq + Hash + Clone> Numbered<T> {
    pub(super) fn number(&mut self, value: &T) -> u32 {
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        let value = Arc::new(value.clone());
        self.values.push(Arc::clone(&value));
        self.numbers.insert(value, number);
        number
    }

    /// The number of a value that has one.
    pub(super) fn known(&self, value: &T) -> Option<u32> {
        self.numbers.get(value).copied()
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.values.get(usize::try_from(number).ok()?).map(|value| &**value)
    }
}

/// What the numbers of entries mean.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) fields: Numbered<FieldId>,
    pub(super) marks: Numbered<Mark>,
    /// Names of images, authors.
    pub(super) texts: Numbered<String>,
}

impl Tables {
    /// Whether a file that says one mark says another: the same, or of a tag with its digest the digest alone.
    fn says(&self, written: u32, meant: u32) -> bool {
        let both = || self.marks.get(written).zip(self.marks.get(meant));
        written == meant || both().is_some_and(|(written, meant)| written.is_digest_of(meant))
    }
}

/// A step in numbers: what of a history is kept, for each commit.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) commit: CommitId,
    pub(super) parents: Box<[Option<u32>]>,
    /// The length of the longest line that leads to it.
    pub(super) depth: u32,
    pub(super) author: u32,
    pub(super) committed_at: Timestamp,
    pub(super) ours: Box<[Ours]>,
    pub(super) resumes_all: bool,
    /// Fields, each with the one tag that is meant, if not all are.
    pub(super) resumes: Box<[(u32, Option<Tag>)]>,
    pub(super) changes: Box<[Change]>,
    pub(super) merged: Box<[Box<[Change]>]>,
}

/// A bump that a commit's trailers record.
#[derive(Debug)]
pub(super) struct Ours {
    pub(super) field: u32,
    pub(super) to: u32,
    pub(super) image: u32,
}

/// A transition.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) field: u32,
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) image_from: u32,
    pub(super) image_to: u32,
    pub(super) was: Option<u32>,
}

impl Entry {
    /// The fields that it may make another hold for.
    pub(super) fn touched(&self) -> impl Iterator<Item = u32> {
        let lines = self.merged.iter().chain([&self.changes]);
        let changed = lines.flat_map(|changes| changes.iter().flat_map(|change| [Some(change.field), change.was]));
        changed.flatten().chain(self.resumes.iter().map(|(field, _)| *field))
    }

    /// What it says to be ours; what the field said before may differ, since the bump may have been picked to another branch.
    fn bump(&self, tables: &Tables, change: &Change) -> Option<&Ours> {
        self.ours
            .iter()
            .find(|bump| bump.field == change.field && tables.says(change.to, bump.to))
    }
}

/// A tag (or a tag with its digest) that was taken back, and by which entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rejection {
    pub(super) place: u32,
    pub(super) mark: u32,
    pub(super) image: u32,
    pub(super) at: Timestamp,
}

/// What a bump of ours set.
#[derive(Debug, Clone)]
struct Set {
    /// The image's name by the trailer.
    image: u32,
    /// The image's name in the file.
    written: u32,
    /// What was rejected then, by place and mark.
    over: BTreeSet<(u32, u32)>,
}

/// What is known of a field at a commit.
#[derive(Debug, Default, Clone)]
pub(super) struct Field {
    ours: BTreeMap<u32, Set>,
    pub(super) rejected: Vec<Rejection>,
    /// Rejections that were lifted, by place and mark.
    lifted: BTreeSet<(u32, u32)>,
}

/// What is known at a commit.
#[derive(Debug, Default, Clone)]
pub(super) struct State {
    pub(super) fields: BTreeMap<u32, Arc<Field>>,
    pub(super) last_bump: Option<Timestamp>,
}

/// What is known at the last entry, from what is known before the entry `from`; of some fields, or of all. Entries from there on have
/// no parents before the one just before `from`.
pub(super) fn walk(
    tables: &Tables,
    entries: &[Entry],
    from: usize,
    before: State,
    only: Option<&BTreeSet<u32>>,
) -> State {
    let mut children: HashMap<u32, usize> = HashMap::new();
    let new = entries.iter().enumerate().skip(from);
    for parent in new.clone().flat_map(|(_, entry)| entry.parents.iter().flatten()) {
        *children.entry(*parent).or_default() += 1;
    }
    let mut states: HashMap<u32, State> = HashMap::new();
    if let Some(last) = from.checked_sub(1) {
        states.insert(number(last), before);
    }
    let mut end = State::default();
    for (place, entry) in new {
        let step = Step {
            tables,
            entry,
            place: number(place),
            only,
        };
        let mut parents = entry
            .parents
            .iter()
            .map(|parent| parent.map_or_else(State::default, |parent| taken(&mut states, &mut children, parent)));
        let mut state = parents.next().unwrap_or_default();
        let others: Vec<State> = parents.collect();
        state.rename(&step, &entry.changes);
        if others.is_empty() {
            state.follow(&step);
        } else {
            state = merge(&step, state, others);
        }
        if !entry.ours.is_empty() {
            state.last_bump = state.last_bump.max(Some(entry.committed_at));
        }
        if place + 1 == entries.len() {
            end = state;
        } else if children.contains_key(&step.place) {
            states.insert(step.place, state);
        }
    }
    end
}

fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// A parent's state: itself for its last child, a copy for others.
fn taken(states: &mut HashMap<u32, State>, children: &mut HashMap<u32, usize>, place: u32) -> State {
    let left = children.entry(place).or_default();
    *left = left.saturating_sub(1);
    let known = if *left == 0 {
        states.remove(&place)
    } else {
        states.get(&place).cloned()
    };
    known.unwrap_or_default()
}

/// An entry on the walk.
struct Step<'a> {
    tables: &'a Tables,
    entry: &'a Entry,
    place: u32,
    only: Option<&'a BTreeSet<u32>>,
}

impl Step<'_> {
    fn follows(&self, field: u32) -> bool {
        self.only.is_none_or(|only| only.contains(&field))
    }

    fn resumes(&self, field: u32, mark: u32) -> bool {
        let tag = || self.tables.marks.get(mark).and_then(|mark| mark.tag.as_ref());
        let mut named = self.entry.resumes.iter().filter(|(named, _)| *named == field);
        self.entry.resumes_all || named.any(|(_, only)| only.is_none() || only.as_ref() == tag())
    }

    fn is_left(&self, mark: u32, to: u32) -> bool {
        let marks = &self.tables.marks;
        mark != to
            && marks
                .get(mark)
                .zip(marks.get(to))
                .is_some_and(|(mark, to)| mark.is_left_by(to))
    }

    fn rejection(&self, last_bump: Option<Timestamp>, (mark, image): (u32, u32)) -> Rejection {
        let committed_at = self.entry.committed_at;
        Rejection {
            place: self.place,
            mark,
            image,
            at: last_bump.map_or(committed_at, |bump| bump.max(committed_at)),
        }
    }
}

impl State {
    fn field(&mut self, id: u32) -> &mut Field {
        Arc::make_mut(self.fields.entry(id).or_default())
    }

    fn rename(&mut self, step: &Step<'_>, changes: &[Change]) {
        let renamed = changes
            .iter()
            .filter(|change| step.follows(change.field))
            .filter_map(|change| Some((change.was?, change.field)));
        let moved: Vec<_> = renamed
            .filter_map(|(was, is)| Some((is, self.fields.remove(&was)?)))
            .collect();
        for (id, field) in moved {
            self.field(id).join(&field);
        }
    }

    fn resume(&mut self, step: &Step<'_>) {
        if step.entry.resumes_all {
            let held = self.fields.values_mut().filter(|field| !field.rejected.is_empty());
            held.for_each(|field| drop(Arc::make_mut(field).lift(|_| true)));
        }
        for (id, _) in &step.entry.resumes {
            if let Some(field) = self.fields.get_mut(id).filter(|field| !field.rejected.is_empty()) {
                Arc::make_mut(field).lift(|mark| step.resumes(*id, mark));
            }
        }
    }

    /// What a commit with one parent did.
    fn follow(&mut self, step: &Step<'_>) {
        let entry = step.entry;
        let last_bump = self.last_bump;
        let changes = entry.changes.iter().filter(|change| step.follows(change.field));
        let lifting = changes.map(|change| {
            let lifted = self.field(change.field).lift(|mark| !step.is_left(mark, change.to));
            (change, lifted)
        });
        let lifting: Vec<(&Change, Vec<(u32, u32)>)> = lifting.collect();
        self.resume(step);
        for (change, taken_up) in lifting {
            let field = self.field(change.field);
            if let Some(bump) = entry.bump(step.tables, change) {
                field.set(bump, change);
            } else if let Some(left) = field.left(step, change, &entry.changes)
                && !step.resumes(change.field, left.0)
                && field.is_set_over(left.0, &taken_up)
            {
                field.rejected.push(step.rejection(last_bump, left));
            }
        }
    }
}

impl Field {
    /// The rejections that are lifted.
    fn lift(&mut self, which: impl Fn(u32) -> bool) -> Vec<(u32, u32)> {
        let lifted: Vec<_> = self
            .rejected
            .extract_if(.., |rejection| which(rejection.mark))
            .map(|rejection| (rejection.place, rejection.mark))
            .collect();
        self.lifted.extend(&lifted);
        lifted
    }

    fn set(&mut self, bump: &Ours, change: &Change) {
        let over = self
            .rejected
            .iter()
            .map(|rejection| (rejection.place, rejection.mark))
            .collect();
        let set = self.ours.entry(bump.to).or_insert_with(|| Set {
            image: bump.image,
            written: change.image_to,
            over: BTreeSet::new(),
        });
        (set.image, set.written) = (bump.image, change.image_to);
        set.over.extend::<BTreeSet<_>>(over);
    }

    /// Whoever takes up again what was taken back leaves what stood there meanwhile, and takes back nothing, unless a bump
    /// of ours had set that since.
    fn is_set_over(&self, mark: u32, taken_up: &[(u32, u32)]) -> bool {
        let over = self.ours.get(&mark).map(|set| &set.over);
        taken_up.is_empty() || over.is_some_and(|over| taken_up.iter().any(|rejection| over.contains(rejection)))
    }

    /// What of ours a change leaves, and the image's name. A field that also moves to the tag in the same commit has not
    /// left it: its object went from one file to another.
    fn left(&self, step: &Step<'_>, change: &Change, all: &[Change]) -> Option<(u32, u32)> {
        let from = step.tables.marks.get(change.from)?;
        let moved = |other: &Change| other.field == change.field && other.to == change.from;
        if !step.is_left(change.from, change.to) || all.iter().any(moved) {
            return None;
        }
        let (mark, set) = self.ours(step.tables, change.from).or_else(|| {
            let tag = step.tables.marks.known(&Mark::from(from.tag.clone()?))?;
            self.ours.get_key_value(&tag)
        })?;
        if from.tag.is_none() && !step.is_left(*mark, change.to) {
            return None;
        }
        let renamed = change.image_from != set.written;
        Some((*mark, if renamed { change.image_from } else { set.image }))
    }

    /// What of ours a file says that says this mark.
    fn ours(&self, tables: &Tables, mark: u32) -> Option<(&u32, &Set)> {
        let alone = || self.ours.iter().find(|(ours, _)| tables.says(mark, **ours));
        self.ours.get_key_value(&mark).or_else(alone)
    }

    /// What two lines know together: a rejection that one of them lifted is lifted.
    fn join(&mut self, other: &Self) {
        for (mark, set) in &other.ours {
            self.ours
                .entry(*mark)
                .and_modify(|known| known.over.extend(&set.over))
                .or_insert_with(|| set.clone());
        }
        self.lifted.extend(other.lifted.iter().copied());
        for rejection in &other.rejected {
            if !self.rejected.contains(rejection) {
                self.rejected.push(rejection.clone());
            }
        }
        let lifted = &self.lifted;
        self.rejected
            .retain(|rejection| !lifted.contains(&(rejection.place, rejection.mark)));
    }
}

/// A merge leaves a tag of ours that stood in one of its parents, unless the line that it takes the field from has left the
/// tag itself (knowing it), or has it from a newer bump of ours.
fn merge(step: &Step<'_>, first: State, others: Vec<State>) -> State {
    let entry = step.entry;
    let none: Box<[Change]> = Box::default();
    let mut lines = vec![(first, &entry.changes)];
    for (index, mut other) in others.into_iter().enumerate() {
        let changes = entry.merged.get(index).unwrap_or(&none);
        other.rename(step, changes);
        lines.push((other, changes));
    }
    let mut state = State::default();
    for (line, _) in &lines {
        state.last_bump = state.last_bump.max(line.last_bump);
        for (id, field) in &line.fields {
            match state.fields.get_mut(id) {
                None => drop(state.fields.insert(*id, Arc::clone(field))),
                Some(known) if Arc::ptr_eq(known, field) => {}
                Some(known) => Arc::make_mut(known).join(field),
            }
        }
    }
    state.resume(step);
    let last_bump = state.last_bump;
    for (line, changes) in &lines {
        for change in changes.iter().filter(|change| step.follows(change.field)) {
            let before = line.fields.get(&change.field);
            let field = state.field(change.field);
            field.lift(|mark| !step.is_left(mark, change.to));
            if let Some(bump) = entry.bump(step.tables, change) {
                field.set(bump, change);
                continue;
            }
            let Some((before, left)) = before.and_then(|before| Some((before, before.left(step, change, changes)?)))
            else {
                continue;
            };
            let accounted = lines.iter().any(|(other, changes)| {
                let stands = !changes.iter().any(|other| other.field == change.field);
                let knows = |mark: u32| {
                    other
                        .fields
                        .get(&change.field)
                        .is_some_and(|field| field.ours(step.tables, mark).is_some())
                };
                stands && (knows(left.0) || knows(change.to) && before.ours(step.tables, change.to).is_none())
            });
            let known = field.rejected.iter().any(|rejection| rejection.mark == left.0);
            if !accounted && !known && !step.resumes(change.field, left.0) {
                field.rejected.push(step.rejection(last_bump, left));
            }
        }
    }
    state
}
