use super::image_version::ImageVersion;
use crate::model::{FieldId, FieldName, ObjectId};
use std::collections::BTreeMap;

/// An image as a file writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct FieldValue {
    /// The image's name, without tag and digest.
    pub image: String,
    /// The tag and the digest behind the name.
    pub version: ImageVersion,
}

/// A change of one image field by one commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldChange {
    /// The field.
    pub field: FieldId,
    /// The version before. It is empty where the image had no tag or the field did not exist.
    pub from: ImageVersion,
    /// The version after. It is the version before if the field or the image only has another name.
    pub to: ImageVersion,
    /// The image's name before; empty where the field did not exist.
    pub image_from: String,
    /// The image's name after.
    pub image_to: String,
    /// The field's name before, if the commit renamed the field (a container got another name).
    pub was: Option<FieldId>,
}

/// The image fields of one file before and after a commit. A list is empty where the file does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct FileFields {
    /// The fields in the parent.
    pub before: Vec<(FieldId, FieldValue)>,
    /// The fields in the commit.
    pub after: Vec<(FieldId, FieldValue)>,
}

type Fields = BTreeMap<FieldId, Vec<FieldValue>>;

impl FieldChange {
    fn of(field: &FieldId, from: FieldValue, to: FieldValue) -> Self {
        Self {
            field: field.clone(),
            from: from.version,
            to: to.version,
            image_from: from.image,
            image_to: to.image,
            was: None,
        }
    }
}

/// How a commit changes image fields, in order. A field is followed in four steps:
///
/// 1. within its file
/// 2. from file to file: a renamed file or a moved object changes nothing
/// 3. within its object: a renamed container is the same field, if its image tells which container it was
/// 4. among objects that are named by their file or folder (kustomizations, values files), which may have moved
pub(crate) fn field_changes(files: impl IntoIterator<Item = FileFields>) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    let (mut gone, mut come) = (Fields::new(), Fields::new());
    for file in files {
        let (before, after) = (by_field(file.before), by_field(file.after));
        let (left, arrived) = pair(before, after, &mut changes);
        join(&mut gone, left);
        join(&mut come, arrived);
    }
    let (mut gone, mut come) = pair(gone, come, &mut changes);
    follow_names(&mut gone, &mut come, &mut changes);
    let removed = gone.iter().flat_map(|(field, values)| {
        values
            .iter()
            .map(move |from| FieldChange::of(field, from.clone(), FieldValue::default()))
    });
    let added = come.iter().flat_map(|(field, values)| {
        values
            .iter()
            .map(move |to| FieldChange::of(field, FieldValue::default(), to.clone()))
    });
    changes.extend(removed.chain(added).filter(|change| change.from != change.to));
    changes.sort();
    changes
}

fn by_field(fields: Vec<(FieldId, FieldValue)>) -> Fields {
    let mut map = Fields::new();
    for (field, value) in fields {
        map.entry(field).or_default().push(value);
    }
    map
}

fn join(into: &mut Fields, from: Fields) {
    for (field, mut values) in from {
        into.entry(field).or_default().append(&mut values);
    }
}

/// Removes equal values of a field from both sides, joins values of one version to changes of the name alone, then joins the
/// remaining values one by one to changes. Returns the values that have no counterpart.
fn pair(mut before: Fields, mut after: Fields, changes: &mut Vec<FieldChange>) -> (Fields, Fields) {
    for (field, old) in &mut before {
        let Some(new) = after.get_mut(field) else { continue };
        old.retain(|value| match new.iter().position(|other| other == value) {
            Some(same) => {
                new.remove(same);
                false
            }
            None => true,
        });
        old.retain(
            |value| match new.iter().position(|other| other.version == value.version) {
                Some(same) => {
                    changes.push(FieldChange::of(field, value.clone(), new.remove(same)));
                    false
                }
                None => true,
            },
        );
        let joined = old.len().min(new.len());
        let ends = old.drain(..joined).zip(new.drain(..joined));
        changes.extend(ends.map(|(from, to)| FieldChange::of(field, from, to)));
    }
    before.retain(|_, values| !values.is_empty());
    after.retain(|_, values| !values.is_empty());
    (before, after)
}

/// What a field before and a field after must share to be one renamed field; each rule uses some of the parts.
type Likeness<'a> = (
    Option<&'a ObjectId>,
    Option<(&'a str, &'a str, &'a FieldName)>,
    Option<&'a str>,
    Option<&'a ImageVersion>,
);

/// The rules in their order. A renamed container is in the same object. A renamed file or folder has the same field in it; if
/// several files match, the one that kept its own name is meant.
const RULES: [for<'a> fn(&'a FieldId, &'a FieldValue) -> Option<Likeness<'a>>; 5] = [
    |id, value| Some((Some(&id.object), None, None, Some(&value.version))),
    |id, value| Some((Some(&id.object), None, Some(&value.image), None)),
    |id, value| {
        Some((
            None,
            Some(path_key(id, true)?),
            Some(&value.image),
            Some(&value.version),
        ))
    },
    |id, value| {
        Some((
            None,
            Some(path_key(id, false)?),
            Some(&value.image),
            Some(&value.version),
        ))
    },
    |id, value| Some((None, Some(path_key(id, true)?), Some(&value.image), None)),
];

/// A field of an object that is named by its path: kind, the last part of the path if `with_last`, and the field's name.
fn path_key(id: &FieldId, with_last: bool) -> Option<(&str, &str, &FieldName)> {
    let object = &id.object;
    let last = object.name.rsplit('/').next().filter(|_| with_last);
    object
        .is_named_by_path()
        .then_some((&object.kind, last.unwrap_or_default(), &id.field))
}

/// Joins a field that disappeared to a field that appeared, if one of the rules fits exactly one of each.
fn follow_names(gone: &mut Fields, come: &mut Fields, changes: &mut Vec<FieldChange>) {
    for rule in RULES {
        let came = by_likeness(come, rule);
        let went = by_likeness(gone, rule);
        let both = went
            .iter()
            .filter_map(|(likeness, from)| Some((from, came.get(likeness)?)));
        let renamed: Vec<FieldChange> = both
            .filter_map(|pair| match pair {
                (Some((was, from)), Some((is, to))) => Some(FieldChange {
                    was: Some((*was).clone()),
                    ..FieldChange::of(is, (*from).clone(), (*to).clone())
                }),
                _ => None,
            })
            .collect();
        for change in renamed {
            if let Some(was) = &change.was {
                gone.remove(was);
            }
            come.remove(&change.field);
            changes.push(change);
        }
    }
}

/// The fields by what a rule compares; `None` where several fields are alike.
fn by_likeness<'a>(
    fields: &'a Fields,
    rule: for<'b> fn(&'b FieldId, &'b FieldValue) -> Option<Likeness<'b>>,
) -> BTreeMap<Likeness<'a>, Option<(&'a FieldId, &'a FieldValue)>> {
    let mut found = BTreeMap::new();
    for (id, values) in fields {
        let [value] = values.as_slice() else { continue };
        if let Some(likeness) = rule(id, value) {
            let others = found.entry(likeness).or_insert(Some((id, value)));
            if others.is_some_and(|(other, _)| other != id) {
                *others = None;
            }
        }
    }
    found
}
