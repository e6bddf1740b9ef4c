use super::mark::Mark;
use crate::model::{FieldId, FieldName, ObjectId};
use std::collections::BTreeMap;

/// An image as a file writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Said {
    /// Its name, without tag and digest.
    pub image: String,
    /// What stands behind the name.
    pub mark: Mark,
}

/// A change of what one image field says behind the image's name, by one commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transition {
    /// The field.
    pub field: FieldId,
    /// Before; nothing where there was no tag, or no such field.
    pub from: Mark,
    /// After.
    pub to: Mark,
    /// The image's name before; empty where there was no such field.
    pub image_from: String,
    /// The image's name after.
    pub image_to: String,
    /// The field's name before, where the commit gave it another one (a container was renamed).
    pub was: Option<FieldId>,
}

/// The image fields of one file before and after a commit; a list is empty where the file is not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileFields {
    /// In the parent.
    pub before: Vec<(FieldId, Said)>,
    /// In the commit.
    pub after: Vec<(FieldId, Said)>,
}

type Fields = BTreeMap<FieldId, Vec<Said>>;

impl Transition {
    fn of(field: &FieldId, from: Said, to: Said) -> Self {
        Self {
            field: field.clone(),
            from: from.mark,
            to: to.mark,
            image_from: from.image,
            image_to: to.image,
            was: None,
        }
    }
}

/// What a commit did to image fields, ordered. A field is followed within its file first, then from file to file, so
/// renaming a file or moving an object is no transition; then within its object, so that a container that got another
/// name is the same field, if its image tells which one it was; then among what is named by its file or folder, which may
/// have moved.
pub fn transitions(files: impl IntoIterator<Item = FileFields>) -> Vec<Transition> {
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
    let removed = gone.iter().flat_map(|(field, said)| {
        said.iter()
            .map(move |from| Transition::of(field, from.clone(), Said::default()))
    });
    let added = come.iter().flat_map(|(field, said)| {
        said.iter()
            .map(move |to| Transition::of(field, Said::default(), to.clone()))
    });
    changes.extend(removed.chain(added).filter(|change| change.from != change.to));
    changes.sort();
    changes
}

fn by_field(fields: Vec<(FieldId, Said)>) -> Fields {
    let mut map = Fields::new();
    for (field, said) in fields {
        map.entry(field).or_default().push(said);
    }
    map
}

fn join(into: &mut Fields, from: Fields) {
    for (field, mut said) in from {
        into.entry(field).or_default().append(&mut said);
    }
}

/// Takes equal marks of a field out on both sides, then joins what is left one by one to changes; gives back the rest.
fn pair(mut before: Fields, mut after: Fields, changes: &mut Vec<Transition>) -> (Fields, Fields) {
    for (field, old) in &mut before {
        let Some(new) = after.get_mut(field) else { continue };
        old.retain(|said| match new.iter().position(|other| other.mark == said.mark) {
            Some(same) => {
                new.remove(same);
                false
            }
            None => true,
        });
        let joined = old.len().min(new.len());
        let ends = old.drain(..joined).zip(new.drain(..joined));
        changes.extend(ends.map(|(from, to)| Transition::of(field, from, to)));
    }
    before.retain(|_, said| !said.is_empty());
    after.retain(|_, said| !said.is_empty());
    (before, after)
}

/// What two fields must have in common to be one that got another name, as far as a rule asks for it.
type Likeness<'a> = (
    Option<&'a ObjectId>,
    Option<(&'a str, &'a str, &'a FieldName)>,
    Option<&'a str>,
    Option<&'a Mark>,
);

/// The rules in their order. A container that got another name stands in the same object; a file or folder that did has the
/// same field in it, and if there are several such, the one whose own name stayed is meant.
const RULES: [for<'a> fn(&'a FieldId, &'a Said) -> Option<Likeness<'a>>; 5] = [
    |id, said| Some((Some(&id.object), None, None, Some(&said.mark))),
    |id, said| Some((Some(&id.object), None, Some(&said.image), None)),
    |id, said| Some((None, Some(place(id, true)?), Some(&said.image), Some(&said.mark))),
    |id, said| Some((None, Some(place(id, false)?), Some(&said.image), Some(&said.mark))),
    |id, said| Some((None, Some(place(id, true)?), Some(&said.image), None)),
];

/// A field of what is named by its place in the repository: kind, the last part of that place if wanted, and the field.
fn place(id: &FieldId, with_last: bool) -> Option<(&str, &str, &FieldName)> {
    let object = &id.object;
    let last = object.name.rsplit('/').next().filter(|_| with_last);
    object
        .is_named_by_place()
        .then_some((&object.kind, last.unwrap_or_default(), &id.field))
}

/// Joins a field that went to one that came, if by one of the rules there is but one of each.
fn follow_names(gone: &mut Fields, come: &mut Fields, changes: &mut Vec<Transition>) {
    for rule in RULES {
        let came = by_likeness(come, rule);
        let went = by_likeness(gone, rule);
        let both = went
            .iter()
            .filter_map(|(likeness, from)| Some((from, came.get(likeness)?)));
        let renamed: Vec<Transition> = both
            .filter_map(|pair| match pair {
                (Some((was, from)), Some((is, to))) => Some(Transition {
                    was: Some((*was).clone()),
                    ..Transition::of(is, (*from).clone(), (*to).clone())
                }),
                _ => None,
            })
            .collect();
        for transition in renamed {
            if let Some(was) = &transition.was {
                gone.remove(was);
            }
            come.remove(&transition.field);
            changes.push(transition);
        }
    }
}

/// The fields that are there once, by what a rule asks of them; nothing where several are alike.
fn by_likeness<'a>(
    fields: &'a Fields,
    rule: for<'b> fn(&'b FieldId, &'b Said) -> Option<Likeness<'b>>,
) -> BTreeMap<Likeness<'a>, Option<(&'a FieldId, &'a Said)>> {
    let mut found = BTreeMap::new();
    for (id, said) in fields {
        let [said] = said.as_slice() else { continue };
        if let Some(likeness) = rule(id, said) {
            let others = found.entry(likeness).or_insert(Some((id, said)));
            if others.is_some_and(|(other, _)| other != id) {
                *others = None;
            }
        }
    }
    found
}
