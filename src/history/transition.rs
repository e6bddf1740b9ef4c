use super::mark::Mark;
use crate::model::FieldId;
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
/// name is the same field, if its image tells which one it was.
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

/// Joins a field that went to one that came in the same object: with the same mark, or else with the same image's name,
/// if there is but one of each.
fn follow_names(gone: &mut Fields, come: &mut Fields, changes: &mut Vec<Transition>) {
    let same_mark = |a: &Said, b: &Said| a.mark == b.mark;
    let same_image = |a: &Said, b: &Said| a.image == b.image;
    for alike in [&same_mark as &dyn Fn(&Said, &Said) -> bool, &same_image] {
        let came: Vec<(FieldId, Vec<Said>)> = come.iter().map(|(id, said)| (id.clone(), said.clone())).collect();
        for (field, said) in came {
            let [to] = said.as_slice() else { continue };
            let found = |fields: &Fields| -> Vec<(FieldId, Said)> {
                let there = fields.iter().filter(|(id, _)| id.object == field.object);
                there
                    .filter_map(|(id, said)| match said.as_slice() {
                        [one] if alike(one, to) => Some((id.clone(), one.clone())),
                        _ => None,
                    })
                    .collect()
            };
            if let ([(was, from)], [_]) = (found(gone).as_slice(), found(come).as_slice()) {
                gone.remove(was);
                come.remove(&field);
                changes.push(Transition {
                    was: Some(was.clone()),
                    ..Transition::of(&field, from.clone(), to.clone())
                });
            }
        }
    }
}
