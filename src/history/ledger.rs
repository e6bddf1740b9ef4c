use super::bump::Resume;
use super::hold::{Hold, Rejected, Step};
use super::lines::{self, Change, Entry, Ours, State, Tables};
use crate::model::{CommitId, FieldId, Tag};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The steps of a history, and what they say of holds: appended to, and asked at any time.
///
/// What one more step costs does not depend on how many there were, unless it belongs to a line that left the known ones
/// before their end; then the fields that the new steps touch are followed again from the beginning.
#[derive(Debug, Default)]
pub struct Ledger {
    tables: Tables,
    entries: Vec<Entry>,
    places: HashMap<CommitId, u32>,
    settled: usize,
    end: State,
    written: HashMap<u32, Timestamp>,
    /// Fields that got another name, and what it was.
    renamed: BTreeSet<(u32, u32)>,
}

impl Ledger {
    /// Appends a step, which has to come after its parents; a parent that never came is the beginning of everything.
    pub fn push(&mut self, step: Step) {
        let tables = &mut self.tables;
        let changes = |tables: &mut Tables, transitions: &[super::Transition]| -> Box<[Change]> {
            let changes = transitions.iter().map(|transition| Change {
                field: tables.fields.number(&transition.field),
                from: tables.marks.number(&transition.from),
                to: tables.marks.number(&transition.to),
                image_from: tables.texts.number(&transition.image_from),
                image_to: tables.texts.number(&transition.image_to),
                was: transition.was.as_ref().map(|was| tables.fields.number(was)),
            });
            changes.collect()
        };
        let parents: Box<[Option<u32>]> = step
            .parents
            .iter()
            .map(|parent| self.places.get(parent).copied())
            .collect();
        let depths = parents
            .iter()
            .flatten()
            .filter_map(|parent| self.entries.get(usize::try_from(*parent).ok()?));
        let entry = Entry {
            commit: step.commit,
            depth: depths.map(|parent| parent.depth + 1).max().unwrap_or_default(),
            parents,
            author: tables.texts.number(&step.author),
            committed_at: step.committed_at,
            ours: step
                .ours
                .iter()
                .map(|bump| Ours {
                    field: tables.fields.number(&bump.field),
                    to: tables.marks.number(&bump.after()),
                    image: tables.texts.number(&bump.image),
                })
                .collect(),
            resumes_all: step.resumes.contains(&Resume::All),
            resumes: step
                .resumes
                .iter()
                .filter_map(|resume| match resume {
                    Resume::All => None,
                    Resume::Field(field) => Some((tables.fields.number(field), None)),
                    Resume::Tag(field, tag) => Some((tables.fields.number(field), Some(tag.clone()))),
                })
                .collect(),
            changes: changes(tables, &step.transitions),
            merged: step.merged.iter().map(|merged| changes(tables, merged)).collect(),
        };
        self.note_written(&entry);
        let lines = entry.merged.iter().chain([&entry.changes]).flatten();
        self.renamed
            .extend(lines.filter_map(|change| Some((change.field, change.was?))));
        let place = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.places.insert(step.commit, place);
        self.entries.push(entry);
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is held at the last step.
    pub fn holds(&mut self) -> BTreeMap<FieldId, Hold> {
        self.settle();
        let held = self.end.fields.iter().filter(|(_, field)| !field.rejected.is_empty());
        held.filter_map(|(id, field)| Some((self.tables.fields.get(*id)?.clone(), self.hold(field))))
            .collect()
    }

    /// When each field was last written, by the committer's clock. What a merge only brings along was written before.
    pub fn written(&self) -> BTreeMap<FieldId, Timestamp> {
        let written = self.written.iter();
        written
            .filter_map(|(field, at)| Some((self.tables.fields.get(*field)?.clone(), *at)))
            .collect()
    }

    fn note_written(&mut self, entry: &Entry) {
        let elsewhere = |change: &&Change| {
            let same = |other: &Change| other.field == change.field;
            entry.merged.iter().all(|changes| changes.iter().any(same))
        };
        for change in entry.changes.iter().filter(elsewhere) {
            let before = change.was.filter(|_| change.from == change.to);
            let at = before.map_or(Some(entry.committed_at), |was| self.written.get(&was).copied());
            if let Some(at) = at {
                self.written.insert(change.field, at);
            }
        }
    }

    /// Follows the steps that came since the last time.
    fn settle(&mut self) {
        let new = self.settled..self.entries.len();
        let Some(fresh) = self.entries.get(new.clone()).filter(|fresh| !fresh.is_empty()) else {
            return;
        };
        let last = self.settled.checked_sub(1);
        let goes_on = |parent: &Option<u32>| {
            parent.is_none_or(|parent| {
                let parent = usize::try_from(parent).unwrap_or(usize::MAX);
                parent >= new.start || Some(parent) == last
            })
        };
        if fresh.iter().flat_map(|entry| &*entry.parents).all(goes_on) {
            let end = std::mem::take(&mut self.end);
            self.end = lines::walk(&self.tables, &self.entries, new.start, end, None);
        } else if fresh.iter().any(|entry| entry.resumes_all) {
            self.end = lines::walk(&self.tables, &self.entries, 0, State::default(), None);
        } else {
            let mut touched: BTreeSet<u32> = fresh.iter().flat_map(Entry::touched).collect();
            let mut known = 0;
            while known < touched.len() {
                known = touched.len();
                for (one, other) in &self.renamed {
                    if touched.contains(one) || touched.contains(other) {
                        touched.extend([*one, *other]);
                    }
                }
            }
            let again = lines::walk(&self.tables, &self.entries, 0, State::default(), Some(&touched));
            self.end.fields.retain(|field, _| !touched.contains(field));
            self.end.fields.extend(again.fields);
            self.end.last_bump = again.last_bump;
        }
        self.settled = self.entries.len();
    }

    /// The rejections in their order along the lines; of several of one mark the latest.
    fn hold(&self, field: &lines::Field) -> Hold {
        let mut rejected: Vec<(Rejected, u32, u32)> = field
            .rejected
            .iter()
            .filter_map(|rejection| {
                let entry = self.entries.get(usize::try_from(rejection.place).ok()?)?;
                let mark = self.tables.marks.get(rejection.mark)?;
                let tag: Tag = mark.tag.clone()?;
                let rejected = Rejected {
                    tag,
                    digest: mark.digest.clone(),
                    image: self.tables.texts.get(rejection.image)?.clone(),
                    commit: entry.commit,
                    author: self.tables.texts.get(entry.author)?.clone(),
                    at: rejection.at,
                };
                Some((rejected, rejection.mark, entry.depth))
            })
            .collect();
        rejected.sort_by_key(|(rejected, _, depth)| (*depth, rejected.at, rejected.commit));
        let mut seen = BTreeSet::new();
        rejected.reverse();
        rejected.retain(|(_, mark, _)| seen.insert(*mark));
        rejected.reverse();
        Hold {
            rejected: rejected.into_iter().map(|(rejected, ..)| rejected).collect(),
        }
    }
}

/// What is held at the end of a history: at its last step. A parent comes before its children.
pub fn holds(timeline: &[Step]) -> BTreeMap<FieldId, Hold> {
    let mut ledger = Ledger::default();
    timeline.iter().for_each(|step| ledger.push(step.clone()));
    ledger.holds()
}
