use super::bump::Resume;
use super::commit::Commit;
use super::field_change::FieldChange;
use super::interner::Interners;
use crate::model::{CommitId, Tag};
use jiff::Timestamp;

/// A [`Commit`] in numbers. The index keeps one entry for each commit.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) commit: CommitId,
    /// The places of the parents in the list of entries; `None` for a parent that is not in it.
    pub(super) parents: Box<[Option<u32>]>,
    /// The length of the longest line of commits that leads to this one.
    pub(super) depth: u32,
    pub(super) author: u32,
    pub(super) committed_at: Timestamp,
    pub(super) ours: Box<[RecordedBump]>,
    pub(super) resumes_all: bool,
    /// Fields whose hold is lifted; with a tag, that one tag only.
    pub(super) resumes: Box<[(u32, Option<Tag>)]>,
    pub(super) changes: Box<[Change]>,
    pub(super) merged: Box<[Box<[Change]>]>,
}

/// A bump that the trailers of a commit record.
#[derive(Debug)]
pub(super) struct RecordedBump {
    pub(super) field: u32,
    pub(super) to: u32,
    /// The image's name after the bump.
    pub(super) image: u32,
    /// Whether the bump wrote the image's name, too.
    pub(super) writes_name: bool,
}

/// A [`FieldChange`] in numbers.
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
    /// An entry for a commit, given the places of its parents and its depth.
    pub(super) fn new(commit: &Commit, parents: Box<[Option<u32>]>, depth: u32, interners: &mut Interners) -> Self {
        let changes = |changes: &[FieldChange], interners: &mut Interners| -> Box<[Change]> {
            changes.iter().map(|change| Change::new(change, interners)).collect()
        };
        Self {
            commit: commit.commit,
            parents,
            depth,
            author: interners.texts.intern(&commit.author),
            committed_at: commit.committed_at,
            ours: commit
                .ours
                .iter()
                .map(|bump| RecordedBump {
                    field: interners.fields.intern(&bump.field),
                    to: interners.versions.intern(&bump.after()),
                    image: interners.texts.intern(bump.new_image.as_ref().unwrap_or(&bump.image)),
                    writes_name: bump.new_image.is_some(),
                })
                .collect(),
            resumes_all: commit.resumes.contains(&Resume::All),
            resumes: commit
                .resumes
                .iter()
                .filter_map(|resume| match resume {
                    Resume::All => None,
                    Resume::Field(field) => Some((interners.fields.intern(field), None)),
                    Resume::Tag(field, tag) => Some((interners.fields.intern(field), Some(tag.clone()))),
                })
                .collect(),
            changes: changes(&commit.changes, interners),
            merged: commit.merged.iter().map(|merged| changes(merged, interners)).collect(),
        }
    }

    /// The changes against all parents.
    pub(super) fn all_changes(&self) -> impl Iterator<Item = &Change> {
        self.merged.iter().chain([&self.changes]).flatten()
    }

    /// The fields whose hold this entry may change.
    pub(super) fn touched(&self) -> impl Iterator<Item = u32> {
        let changed = self.all_changes().flat_map(|change| [Some(change.field), change.was]);
        changed.flatten().chain(self.resumes.iter().map(|(field, _)| *field))
    }

    /// The recorded bump that made `change`, if the change is ours. What the field had before may differ from the record: the
    /// bump may have been picked to another branch.
    pub(super) fn bump(&self, interners: &Interners, change: &Change) -> Option<&RecordedBump> {
        let wrote = |bump: &RecordedBump| match bump.writes_name {
            true => bump.image == change.image_to,
            false => !change.is_name_alone(),
        };
        self.ours
            .iter()
            .find(|bump| bump.field == change.field && interners.is_written_as(bump.to, change.to) && wrote(bump))
    }

    /// Whether the trailers lift the rejection of a version of a field.
    pub(super) fn resumes(&self, interners: &Interners, field: u32, version: u32) -> bool {
        let tag = || interners.versions.get(version).and_then(|version| version.tag.as_ref());
        let mut named = self.resumes.iter().filter(|(named, _)| *named == field);
        self.resumes_all || named.any(|(_, only)| only.is_none() || only.as_ref() == tag())
    }
}

impl Change {
    /// Whether the image has another name, and nothing else changes.
    pub(super) fn is_name_alone(&self) -> bool {
        self.from == self.to && self.was.is_none()
    }

    fn new(change: &FieldChange, interners: &mut Interners) -> Self {
        Self {
            field: interners.fields.intern(&change.field),
            from: interners.versions.intern(&change.from),
            to: interners.versions.intern(&change.to),
            image_from: interners.texts.intern(&change.image_from),
            image_to: interners.texts.intern(&change.image_to),
            was: change.was.as_ref().map(|was| interners.fields.intern(was)),
        }
    }
}
