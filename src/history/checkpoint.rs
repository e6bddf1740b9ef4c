//! A [`HoldIndex`] as bytes, so that a process that starts need not read the whole history again.
//!
//! The bytes have what each commit says and not what follows from it: holds are found anew from the same numbers by the same
//! walk. Bytes that are not an index give nothing; whoever keeps them sees to it that they are whole and meant.

use super::byte_form::{Bytes, Form};
use super::entry::{Change, Entry, RecordedBump};
use super::hold_index::HoldIndex;
use super::image_version::ImageVersion;
use super::interner::{Interner, Interners};
use crate::model::{CommitId, Digest, FieldId, FieldName, ObjectId, Tag};
use std::hash::Hash;

impl HoldIndex {
    /// Writes the index.
    pub(crate) fn write(&self, form: &mut Form) {
        let (interners, entries) = self.parts();
        write_all(form, &interners.fields, |form, id| {
            let ObjectId {
                group,
                kind,
                namespace,
                name,
            } = &id.object;
            form.text(group);
            form.text(kind);
            form.option(namespace.as_deref(), Form::text);
            form.text(name);
            form.text(&id.field.0);
        });
        write_all(form, &interners.versions, |form, version| {
            form.option(version.tag.as_ref(), |form, tag| form.text(tag.as_str()));
            form.option(version.digest.as_ref(), |form, digest| form.text(digest.as_str()));
        });
        write_all(form, &interners.texts, |form, text| form.text(text));
        form.count(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            write_entry(form, index, entry);
        }
    }

    /// Reads an index. `None` if the bytes are not one.
    pub(crate) fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        let mut interners = Interners::default();
        read_all(bytes, &mut interners.fields, |bytes| {
            let object = ObjectId {
                group: bytes.text()?.to_owned(),
                kind: bytes.text()?.to_owned(),
                namespace: bytes.option(Bytes::text)?.map(str::to_owned),
                name: bytes.text()?.to_owned(),
            };
            let field = FieldName(bytes.text()?.to_owned());
            Some(FieldId { object, field })
        })?;
        read_all(bytes, &mut interners.versions, |bytes| {
            Some(ImageVersion {
                tag: bytes.option(tag)?,
                digest: bytes.option(|bytes| Digest::parse(bytes.text()?).ok())?,
            })
        })?;
        read_all(bytes, &mut interners.texts, |bytes| bytes.text().map(str::to_owned))?;
        let mut index = Self::of(interners);
        for number in 0..bytes.count()? {
            let entry = read_entry(bytes, number, &index)?;
            index.append(entry);
        }
        Some(index)
    }
}

fn tag(bytes: &mut Bytes<'_>) -> Option<Tag> {
    Tag::parse(bytes.text()?).ok()
}

fn write_all<T: Eq + Hash + Clone>(form: &mut Form, values: &Interner<T>, write: impl Fn(&mut Form, &T)) {
    form.count(values.len());
    values.iter().for_each(|value| write(form, value));
}

/// `None` if a value stands twice: numbers would no longer be those that were written.
fn read_all<T: Eq + Hash + Clone>(
    bytes: &mut Bytes<'_>,
    values: &mut Interner<T>,
    read: impl Fn(&mut Bytes<'_>) -> Option<T>,
) -> Option<()> {
    let count = bytes.count()?;
    for _ in 0..count {
        values.intern(&read(bytes)?);
    }
    (values.len() == count).then_some(())
}

fn write_entry(form: &mut Form, index: usize, entry: &Entry) {
    form.bytes(entry.commit.as_bytes());
    form.list(&entry.parents, |form, parent| {
        // How far back the parent stands; 0 for one that is not in the index.
        let back = parent.and_then(|parent| index.checked_sub(usize::try_from(parent).ok()?));
        form.count(back.unwrap_or_default());
    });
    form.number(entry.author);
    form.time(entry.committed_at);
    form.list(&entry.ours, |form, bump| {
        form.number(bump.field);
        form.number(bump.to);
        form.number(bump.image);
        form.number(u32::from(bump.writes_name));
    });
    form.number(u32::from(entry.resumes_all));
    form.list(&entry.resumes, |form, (field, tag)| {
        form.number(*field);
        form.option(tag.as_ref(), |form, tag| form.text(tag.as_str()));
    });
    form.list(&entry.changes, write_change);
    form.list(&entry.merged, |form, changes| form.list(changes, write_change));
}

fn write_change(form: &mut Form, change: &Change) {
    form.number(change.field);
    form.number(change.from);
    form.number(change.to);
    form.number(change.image_from);
    form.number(change.image_to);
    form.option(change.was, Form::number);
}

fn read_entry(bytes: &mut Bytes<'_>, index: usize, known: &HoldIndex) -> Option<Entry> {
    let (interners, entries) = known.parts();
    let below = |count: usize| move |bytes: &mut Bytes<'_>| bytes.number().filter(|number| is_below(*number, count));
    let (field, version) = (below(interners.fields.len()), below(interners.versions.len()));
    let text = below(interners.texts.len());
    let change = |bytes: &mut Bytes<'_>| {
        Some(Change {
            field: field(bytes)?,
            from: version(bytes)?,
            to: version(bytes)?,
            image_from: text(bytes)?,
            image_to: text(bytes)?,
            was: bytes.option(field)?,
        })
    };
    let commit = CommitId::from_bytes(bytes.array()?);
    let parents: Box<[Option<u32>]> = bytes.list(|bytes| match bytes.count()? {
        0 => Some(None),
        back => Some(Some(u32::try_from(index.checked_sub(back)?).ok()?)),
    })?;
    Some(Entry {
        commit,
        depth: HoldIndex::depth(entries, &parents),
        parents,
        author: text(bytes)?,
        committed_at: bytes.time()?,
        ours: bytes.list(|bytes| {
            Some(RecordedBump {
                field: field(bytes)?,
                to: version(bytes)?,
                image: text(bytes)?,
                writes_name: flag(bytes)?,
            })
        })?,
        resumes_all: flag(bytes)?,
        resumes: bytes.list(|bytes| Some((field(bytes)?, bytes.option(tag)?)))?,
        changes: bytes.list(change)?,
        merged: bytes.list(|bytes| bytes.list(change))?,
    })
}

fn is_below(number: u32, count: usize) -> bool {
    usize::try_from(number).is_ok_and(|number| number < count)
}

fn flag(bytes: &mut Bytes<'_>) -> Option<bool> {
    match bytes.number()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}
