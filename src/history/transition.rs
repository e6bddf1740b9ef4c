use super::hold::Step;
use crate::model::{FieldId, Tag};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A change of one image field's tag by one commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Transition {
    /// The field.
    pub field: FieldId,
    /// Before; `None` where there was no tag, or no such field.
    pub from: Option<Tag>,
    /// After.
    pub to: Option<Tag>,
}

/// The image fields of one file before and after a commit; a list is empty where the file is not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileFields {
    /// In the first parent.
    pub before: Vec<(FieldId, Option<Tag>)>,
    /// In the commit.
    pub after: Vec<(FieldId, Option<Tag>)>,
}

type Fields = BTreeMap<FieldId, Vec<Option<Tag>>>;

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
    let removed = gone.into_iter().flat_map(|(field, tags)| {
        tags.into_iter().map(move |from| Transition {
            field: field.clone(),
            from,
            to: None,
        })
    });
    let added = come.into_iter().flat_map(|(field, tags)| {
        tags.into_iter().map(move |to| Transition {
            field: field.clone(),
            from: None,
            to,
        })
    });
    changes.extend(removed.chain(added).filter(|change| change.from != change.to));
    changes.sort();
    changes
}

fn by_field(fields: Vec<(FieldId, Option<Tag>)>) -> Fields {
    let mut map = Fields::new();
    for (field, tag) in fields {
        map.entry(field).or_default().push(tag);
    }
    map
}

fn join(into: &mut Fields, from: Fields) {
    for (field, mut tags) in from {
        into.entry(field).or_default().append(&mut tags);
    }
}

/// Takes equal tags of a field out on both sides, then joins what is left one by one to changes; gives back the rest.
fn pair(mut before: Fields, mut after: Fields, changes: &mut Vec<Transition>) -> (Fields, Fields) {
    for (field, old) in &mut before {
        let Some(new) = after.get_mut(field) else { continue };
        old.retain(|tag| match new.iter().position(|other| other == tag) {
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
