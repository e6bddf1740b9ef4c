use super::bump::Bump;
use super::commit::Commit;
use super::entry::{Change, Entry};
use super::field_state::FieldState;
use super::hold::Hold;
use super::interner::Interners;
use super::line_state::LineState;
use super::rejected::Rejected;
use super::walk::walk;
use crate::model::{CommitId, FieldId, Tag};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The commits of a history, and the holds that follow from them. Commits are appended; the holds can be read at any time.
///
/// A further commit costs the same however many there are. The exception is a commit on a line that left the known lines
/// before their end: then the fields that the new commits touch are followed again from the beginning.
#[derive(Debug, Default)]
pub struct HoldIndex {
    interners: Interners,
    entries: Vec<Entry>,
    places: HashMap<CommitId, u32>,
    /// How many entries `end` covers.
    settled: usize,
    end: LineState,
    written: HashMap<u32, Written>,
    /// Fields that were renamed, each with its name before.
    renamed: BTreeSet<(u32, u32)>,
    /// A hash of field, tag and new name for each bump that a commit records.
    bumps: HashSet<u64>,
}

/// When a field was last written, and by which entry.
#[derive(Debug, Clone, Copy)]
struct Written {
    at: Timestamp,
    entry: usize,
}

impl HoldIndex {
    /// Appends a commit. Its parents must be appended before it; a parent that is not in the index counts as the beginning of
    /// the history.
    pub fn push(&mut self, commit: Commit) {
        let parents: Box<[Option<u32>]> = commit
            .parents
            .iter()
            .map(|parent| self.places.get(parent).copied())
            .collect();
        let depth = Self::depth(&self.entries, &parents);
        let entry = Entry::new(&commit, parents, depth, &mut self.interners);
        self.append(entry);
    }

    /// An index without commits whose values have these numbers.
    pub(super) fn of(interners: Interners) -> Self {
        Self {
            interners,
            ..Self::default()
        }
    }

    /// The values and the commits.
    pub(super) fn parts(&self) -> (&Interners, &[Entry]) {
        (&self.interners, &self.entries)
    }

    /// The length of the longest line of commits that leads to a commit with these parents.
    pub(super) fn depth(entries: &[Entry], parents: &[Option<u32>]) -> u32 {
        let parents = parents.iter().flatten();
        let parents = parents.filter_map(|parent| entries.get(usize::try_from(*parent).ok()?));
        parents.map(|parent| parent.depth + 1).max().unwrap_or_default()
    }

    /// Appends a commit in numbers.
    pub(super) fn append(&mut self, entry: Entry) {
        self.record_written(&entry);
        let interners = &self.interners;
        self.bumps.extend(entry.ours.iter().filter_map(|bump| {
            let tag = interners.versions.get(bump.to)?.tag.as_ref()?;
            let name = interners.texts.get(bump.image).filter(|_| bump.writes_name);
            Some(hash(interners.fields.get(bump.field)?, tag, name))
        }));
        self.renamed.extend(
            entry
                .all_changes()
                .filter_map(|change| Some((change.field, change.was?))),
        );
        let index = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.places.insert(entry.commit, index);
        self.entries.push(entry);
    }

    /// Whether a commit records this bump: the same field and tag, and the same new name.
    pub fn has_bump(&self, bump: &Bump) -> bool {
        self.bumps
            .contains(&hash(&bump.field, &bump.new, bump.new_image.as_ref()))
    }

    /// How many commits there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the index has no commits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The holds at the last commit.
    pub fn holds(&mut self) -> BTreeMap<FieldId, Hold> {
        self.settle();
        let held = self.end.fields.iter().filter(|(_, field)| !field.rejected.is_empty());
        held.filter_map(|(id, field)| Some((self.interners.fields.get(*id)?.clone(), self.hold(field))))
            .collect()
    }

    /// When each field was last written, by the committer's clock. A merge does not count as a writing if it only brings a
    /// value along from one of its parents.
    pub fn written(&self) -> BTreeMap<FieldId, Timestamp> {
        let written = self.written.iter();
        written
            .filter_map(|(field, written)| Some((self.interners.fields.get(*field)?.clone(), written.at)))
            .collect()
    }

    /// The commit that last wrote a field, if its trailers say that this was a bump of ours. `None` if a person wrote the field
    /// since, or if a person gave the field its name.
    pub fn last_bump(&self, field: &FieldId) -> Option<CommitId> {
        let field = self.interners.fields.number(field)?;
        let entry = self.entries.get(self.written.get(&field)?.entry)?;
        let mut changes = entry.changes.iter();
        let change = changes.find(|change| change.field == field && !change.is_name_alone())?;
        entry.bump(&self.interners, change).map(|_| entry.commit)
    }

    /// A change of the name alone does not count: its tag was written before.
    fn record_written(&mut self, entry: &Entry) {
        let by_this_commit = |change: &&Change| {
            let same = |other: &Change| other.field == change.field && !other.is_name_alone();
            !change.is_name_alone() && entry.merged.iter().all(|changes| changes.iter().any(same))
        };
        for change in entry.changes.iter().filter(by_this_commit) {
            let only_renamed = change.was.filter(|_| change.from == change.to);
            let by_this = Written {
                at: entry.committed_at,
                entry: self.entries.len(),
            };
            let written = only_renamed.map_or(Some(by_this), |was| self.written.get(&was).copied());
            if let Some(written) = written {
                self.written.insert(change.field, written);
            }
        }
    }

    /// Follows the commits that were appended since the last call.
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
            self.end = walk(&self.interners, &self.entries, new.start, end, None);
        } else if fresh.iter().any(|entry| entry.resumes_all) {
            self.end = walk(&self.interners, &self.entries, 0, LineState::default(), None);
        } else {
            let touched = self.with_former_names(fresh.iter().flat_map(Entry::touched).collect());
            let again = walk(&self.interners, &self.entries, 0, LineState::default(), Some(&touched));
            self.end.fields.retain(|field, _| !touched.contains(field));
            self.end.fields.extend(again.fields);
            self.end.last_bump = again.last_bump;
        }
        self.settled = self.entries.len();
    }

    /// The fields, and all names that they ever had.
    fn with_former_names(&self, mut fields: BTreeSet<u32>) -> BTreeSet<u32> {
        let mut known = 0;
        while known < fields.len() {
            known = fields.len();
            for (one, other) in &self.renamed {
                if fields.contains(one) || fields.contains(other) {
                    fields.extend([*one, *other]);
                }
            }
        }
        fields
    }

    /// The rejections of a field in their order along the lines. If a version of an image was rejected several times, the latest
    /// rejection counts.
    fn hold(&self, field: &FieldState) -> Hold {
        let mut rejected: Vec<(Rejected, (u32, u32), u32)> = field
            .rejected
            .iter()
            .filter_map(|rejection| {
                let entry = self.entries.get(usize::try_from(rejection.index).ok()?)?;
                let version = self.interners.versions.get(rejection.version)?;
                let rejected = Rejected {
                    tag: version.tag.clone()?,
                    digest: version.digest.clone(),
                    image: self.interners.texts.get(rejection.image)?.clone(),
                    commit: entry.commit,
                    author: self.interners.texts.get(entry.author)?.clone(),
                    at: rejection.at,
                    with_name: rejection.with_name,
                    passed_by: self.interners.image_versions(field.set_over(rejection)),
                };
                Some((rejected, (rejection.version, rejection.image), entry.depth))
            })
            .collect();
        rejected.sort_by_key(|(rejected, _, depth)| (*depth, rejected.at, rejected.commit));
        let mut seen = BTreeSet::new();
        rejected.reverse();
        rejected.retain(|(_, version, _)| seen.insert(*version));
        rejected.reverse();
        Hold {
            rejected: rejected.into_iter().map(|(rejected, ..)| rejected).collect(),
        }
    }
}

fn hash(field: &FieldId, tag: &Tag, name: Option<&String>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (field, tag, name).hash(&mut hasher);
    hasher.finish()
}

/// The holds at the last commit of a history. Parents come before their children.
pub fn holds(history: &[Commit]) -> BTreeMap<FieldId, Hold> {
    let mut index = HoldIndex::default();
    history.iter().for_each(|commit| index.push(commit.clone()));
    index.holds()
}
