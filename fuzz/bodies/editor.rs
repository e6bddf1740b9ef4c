use super::document::path;
use serde::Deserialize;
use std::collections::BTreeMap;
use tidegate::manifest::{Document, ImageField, SlotContent, TagChange, read, set_tags};
use tidegate::model::{FieldId, RepoPath, Tag};

/// The first line of the input has the changes, `<number of an image field>=<tag>` separated by blanks; the rest is the
/// file. Properties of an edit that is not refused: only the bytes of the tags change, the edited file reads back as
/// planned, and libyaml agrees.
pub fn editor(data: &[u8]) {
    let (plan, file) = match data.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&data[..end], &data[end + 1..]),
        None => return,
    };
    let path = path("in.yaml");
    let reading = read(&path, file);
    let fields: Vec<(&Document, &ImageField)> = reading
        .documents
        .iter()
        .flat_map(|document| document.images.iter().map(move |image| (document, image)))
        .collect();
    if fields.is_empty() {
        return;
    }
    let planned = planned(&String::from_utf8_lossy(plan), &fields);
    let changes: Vec<TagChange> = planned
        .iter()
        .map(|(number, tag)| TagChange {
            object: fields[*number].0.object.id.clone(),
            field: fields[*number].1.field.clone(),
            name: None,
            tag: tag.clone(),
            digest: None,
        })
        .collect();
    let Ok(edited) = set_tags(&path, file, &changes) else {
        return;
    };

    let slots = planned
        .iter()
        .map(|(number, tag)| (fields[*number].1, tag))
        .filter(|(field, tag)| field.image.tag() != Some(*tag));
    only_the_tags_changed(file, &edited, slots);
    assert_eq!(read(&path, &edited).is_complete(), reading.is_complete());
    reads_back(&path, &reading.documents, &edited, &planned, &fields);
    libyaml_agrees(file, &edited, planned.values());
}

/// The tag for each field by its number. A later tag replaces an earlier one.
fn planned(plan: &str, fields: &[(&Document, &ImageField)]) -> BTreeMap<usize, Tag> {
    plan.split_ascii_whitespace()
        .filter_map(|word| {
            let (number, tag) = word.split_once('=')?;
            Some((number.parse::<usize>().ok()? % fields.len(), Tag::parse(tag).ok()?))
        })
        .collect()
}

fn only_the_tags_changed<'a>(old: &[u8], new: &[u8], slots: impl Iterator<Item = (&'a ImageField, &'a Tag)>) {
    let by_start: BTreeMap<usize, _> = slots
        .map(|(field, tag)| (field.slot.span.start, (field, tag)))
        .collect();
    let (mut before, mut after) = (0, new);
    for (field, tag) in by_start.values() {
        let span = &field.slot.span;
        after = after
            .strip_prefix(&old[before..span.start])
            .expect("bytes before a tag do not change");
        let expected = text_with(&old[span.clone()], field, tag);
        after = after
            .strip_prefix(expected.as_bytes())
            .or_else(|| after.strip_prefix(format!("\"{expected}\"").as_bytes()))
            .expect("the tag is at its span");
        before = span.end;
    }
    assert_eq!(after, &old[before..], "bytes after the last tag do not change");
}

/// A scalar's text with the tag in it.
fn text_with(old: &[u8], field: &ImageField, tag: &Tag) -> String {
    let old = std::str::from_utf8(old).expect("a file with image fields is UTF-8");
    match field.slot.content {
        SlotContent::Reference => {
            let name = match old.rsplit_once(':') {
                Some((name, after)) if !after.contains('/') => name,
                _ => old,
            };
            format!("{name}:{tag}")
        }
        _ => tag.to_string(),
    }
}

/// The edited file has the same objects, and the same image fields except for the planned tags.
fn reads_back(
    path: &RepoPath,
    old: &[Document],
    edited: &[u8],
    planned: &BTreeMap<usize, Tag>,
    fields: &[(&Document, &ImageField)],
) {
    let again = read(path, edited);
    let names = |documents: &[Document]| -> Vec<_> {
        documents
            .iter()
            .map(|document| (document.object.id.clone(), document.automation.automated))
            .collect()
    };
    assert_eq!(names(old), names(&again.documents));
    let id = |document: &Document, image: &ImageField| FieldId {
        object: document.object.id.clone(),
        field: image.field.clone(),
    };
    let expected: Vec<_> = fields
        .iter()
        .enumerate()
        .map(|(number, (document, image))| {
            let tag = planned.get(&number);
            let image_after = tag.map_or_else(|| image.image.clone(), |tag| image.image.with_tag(tag.clone()));
            (id(document, image), image_after)
        })
        .collect();
    let found: Vec<_> = again
        .documents
        .iter()
        .flat_map(|document| {
            document
                .images
                .iter()
                .map(|image| (id(document, image), image.image.clone()))
        })
        .collect();
    assert_eq!(expected, found);
}

/// libyaml shares no code with the two parsers of the editor. It must read the same values, except for strings that end
/// in a planned tag. A file that libyaml rejects before the edit is not checked.
fn libyaml_agrees<'a>(old: &[u8], new: &[u8], tags: impl Iterator<Item = &'a Tag>) {
    let tags: Vec<&str> = tags.map(Tag::as_str).collect();
    libyaml_agrees_but_for(old, new, &|text| tags.iter().any(|tag| text.ends_with(tag)));
}

/// libyaml reads the same values, except for strings that `may_be` accepts.
pub fn libyaml_agrees_but_for(old: &[u8], new: &[u8], may_be: &dyn Fn(&str) -> bool) {
    let Some(before) = values(old) else { return };
    let encrypted = |document: &serde_yaml::Value| document.get("sops").is_some_and(|sops| sops.get("mac").is_some());
    assert!(
        old == new || !before.iter().any(encrypted),
        "an encrypted file was edited"
    );
    let after = values(new).expect("libyaml reads the edited file too");
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        compare(before, after, may_be);
    }
}

pub fn values(file: &[u8]) -> Option<Vec<serde_yaml::Value>> {
    serde_yaml::Deserializer::from_slice(file)
        .map(|document| serde_yaml::Value::deserialize(document).ok())
        .collect()
}

fn compare(before: &serde_yaml::Value, after: &serde_yaml::Value, may_be: &dyn Fn(&str) -> bool) {
    use serde_yaml::Value;
    match (before, after) {
        (Value::Sequence(before), Value::Sequence(after)) => {
            assert_eq!(before.len(), after.len());
            for (before, after) in before.iter().zip(after) {
                compare(before, after, may_be);
            }
        }
        (Value::Mapping(before), Value::Mapping(after)) => {
            assert_eq!(before.len(), after.len());
            for ((key, before), (other, after)) in before.iter().zip(after) {
                compare(key, other, may_be);
                compare(before, after, may_be);
            }
        }
        (Value::Tagged(before), Value::Tagged(after)) => {
            assert_eq!(before.tag, after.tag);
            compare(&before.value, &after.value, may_be);
        }
        (before, after) if same(before, after) => {}
        (before, after) => assert!(
            after.as_str().is_some_and(may_be),
            "libyaml reads {after:?} for {before:?}"
        ),
    }
}

/// Whether two values are equal. NaN equals NaN.
fn same(before: &serde_yaml::Value, after: &serde_yaml::Value) -> bool {
    before == after || before.as_f64().is_some_and(f64::is_nan) && after.as_f64().is_some_and(f64::is_nan)
}
