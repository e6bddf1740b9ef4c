use super::hold::Step;
use super::mark::Mark;
use crate::model::FieldId;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A change of what one image field says behind the image's name, by one commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transition {
    /// The field.
    pub field: FieldId,
    /// Before; nothing where there was no tag, or no such field.
    pub from: Mark,
    /// After.
    pub to: Mark,
}

/// The image fields of one file before and after a commit; a list is empty where the file is not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileFields {
    /// In the first parent.
    pub before: Vec<(FieldId, Mark)>,
    /// In the commit.
    pub after: Vec<(FieldId, Mark)>,
}

type Fields = BTreeMap<FieldId, Vec<Mark>>;

/// What a commit did to image fields, ordered. A field is followed within its file first, then from file to file, so
/// renaming a file or moving an object is no transition.
pub fn transitions(files: impl IntoIterator<Item = FileFields>) -> Vec<Transition> {
    let mut changes = Vec::new();
    let (mut gone, mut come) = (Fields::new(), Fields::new());
    for file in files {
        let (before, after) = (by_field(file.before), by_field(file.after));
        let (left, arrived) = pair(before, after, &mut changes);
        join(&mut gone, left);
        join(&mut come, arrived);
    }
    let (gone, come) = pair(gone, come, &mut changes);
    let removed = gone.into_iter().flat_map(|(field, marks)| {
        marks.into_iter().map(move |from| Transition {
            field: field.clone(),
            from,
            to: Mark::default(),
        })
    });
    let added = come.into_iter().flat_map(|(field, marks)| {
        marks.into_iter().map(move |to| Transition {
            field: field.clone(),
            from: Mark::default(),
            to,
        })
    });
    changes.extend(removed.chain(added).filter(|change| change.from != change.to));
    changes.sort();
    changes
}

fn by_field(fields: Vec<(FieldId, Mark)>) -> Fields {
    let mut map = Fields::new();
    for (field, mark) in fields {
        map.entry(field).or_default().push(mark);
    }
    map
}

fn join(into: &mut Fields, from: Fields) {
    for (field, mut marks) in from {
        into.entry(field).or_default().append(&mut marks);
    }
}

/// Takes equal marks of a field out on both sides, then joins what is left one by one to changes; gives back the rest.
fn pair(mut before: Fields, mut after: Fields, changes: &mut Vec<Transition>) -> (Fields, Fields) {
    for (field, old) in &mut before {
        let Some(new) = after.get_mut(field) else { continue };
        old.retain(|mark| match new.iter().position(|other| other == mark) {
            Some(same) => {
                new.remove(same);
                false
            }
            None => true,
        });
        let joined = old.len().min(new.len());
        let ends = old.drain(..joined).zip(new.drain(..joined));
        changes.extend(ends.map(|(from, to)| Transition {
            field: field.clone(),
            from,
            to,
        }));
    }
    (before, after)
}

/// When each field was last written, over the same steps as [`super::holds`]: by the committer's clock.
pub fn standing_since(timeline: &[Step]) -> BTreeMap<FieldId, Timestamp> {
    let mut since = BTreeMap::new();
    for step in timeline {
        for transition in &step.transitions {
            since.insert(transition.field.clone(), step.committed_at);
        }
    }
    since
}
