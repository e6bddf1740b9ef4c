use crate::manifest::edit::change::Refusal;
use crate::manifest::edit::verify::difference::{difference, document_value, value_at};
use crate::manifest::edit::verify::reread::{START, Texts, is_json, reread};
use crate::manifest::read::file::File;
use crate::manifest::yaml::events::{Event, EventKind};
use crate::manifest::yaml::path::Path;
use crate::model::Position;
use serde_json::Value;

/// An event of the text after an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// The event of the old text with this index.
    Old(usize),
    /// The scalar of the old text with this index, with another text.
    Changed(usize, String),
    /// A new scalar.
    Scalar(String),
    /// The start of a new mapping.
    MappingStart,
    /// The end of a new mapping.
    MappingEnd,
}

/// An annotation that is set or removed, and the events that the edit must produce.
#[derive(Debug)]
pub(crate) struct PlannedAnnotation<'a> {
    /// The index of the object's document in the file.
    pub tree: usize,
    /// The path to the object's metadata.
    pub metadata: Path,
    pub key: &'a str,
    /// The annotation's value; `None` for an annotation that is removed.
    pub value: Option<&'a str>,
    /// Whether the key `annotations` is removed with its last entry.
    pub removes_map: bool,
    pub expected: Vec<Expected>,
    /// The object's position.
    pub position: Position,
}

/// Verifies an edit of an annotation: for both parsers the events are the expected ones, and only the annotation's value
/// differs.
///
/// # Errors
/// The first difference that was not planned.
pub(crate) fn check(old: &[u8], new: &[u8], file: &File, planned: &PlannedAnnotation<'_>) -> Result<(), Refusal> {
    let texts = Texts {
        old,
        new,
        json: is_json(old),
        at: planned.position,
    };
    let trees = reread(
        texts,
        |old, new| as_expected(old, new, &planned.expected),
        |_, _| Ok(()),
    )?;
    let uncertain = || {
        let reason = "the effect of the edit is uncertain; change the annotation by hand";
        (planned.position, reason.to_owned())
    };
    if trees.len() != file.trees.len() {
        return Err(uncertain());
    }
    for (index, (old, new)) in file.trees.iter().zip(&trees).enumerate() {
        let (Some(mut expected), Some(found)) = (document_value(old), document_value(new)) else {
            return Err(uncertain());
        };
        if index == planned.tree {
            set(&mut expected, planned).ok_or_else(uncertain)?;
        }
        if let Some(path) = difference(&expected, &found) {
            let reason = format!("{path} would change, too, through an anchor or a merge; write its value out");
            return Err((planned.position, reason));
        }
    }
    Ok(())
}

/// Sets or removes the annotation in a document's value.
fn set(value: &mut Value, planned: &PlannedAnnotation<'_>) -> Option<()> {
    let metadata = value_at(value, &planned.metadata)?.as_object_mut()?;
    if planned.removes_map {
        metadata.remove("annotations");
        return Some(());
    }
    let annotations = metadata.entry("annotations").or_insert(Value::Null);
    if annotations.is_null() {
        *annotations = Value::Object(serde_json::Map::new());
    }
    let annotations = annotations.as_object_mut()?;
    match planned.value {
        Some(text) => annotations.insert(planned.key.to_owned(), text.into()),
        None => annotations.remove(planned.key),
    };
    Some(())
}

fn as_expected(old: &[Event], new: &[Event], expected: &[Expected]) -> Result<(), Refusal> {
    for (expected, found) in expected.iter().zip(new) {
        let same = match expected {
            Expected::Old(at) => old.get(*at).is_some_and(|event| event.kind == found.kind),
            Expected::Changed(at, text) => match (old.get(*at).map(|event| &event.kind), &found.kind) {
                (Some(EventKind::Scalar(before)), EventKind::Scalar(after)) => {
                    after.value == *text && (after.anchor, &after.tag) == (before.anchor, &before.tag)
                }
                _ => false,
            },
            Expected::Scalar(text) => matches!(
                &found.kind,
                EventKind::Scalar(scalar) if scalar.value == *text && scalar.anchor == 0 && scalar.tag.is_none()
            ),
            Expected::MappingStart => found.kind == EventKind::MappingStart { anchor: 0, tag: None },
            Expected::MappingEnd => found.kind == EventKind::MappingEnd,
        };
        if !same {
            return Err((found.position, "the edit would change the value here, too".to_owned()));
        }
    }
    match expected.len() == new.len() {
        true => Ok(()),
        false => Err((START, "the edit would add or remove values".to_owned())),
    }
}
