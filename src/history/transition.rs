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
    /// The field's name before, where the commit gave it another one (a container was renamed).
    pub was: Option<FieldId>,
}

/// The image fields of one file before and after a commit; a list is empty where the file is not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileFields {
    /// In the parent.
    pub before: Vec<(FieldId, Mark)>,
    /// In the commit.
    pub after: Vec<(FieldId, Mark)>,
}

type Fields = BTreeMap<FieldId, Vec<Mark>>;

/// What a commit did to image fields, ordered. A field is followed within its file first, then from file to file, so
/// renaming a file or moving an object is no transition; then within its object, so that a container that only got
/// another name is the same field.
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
    let removed = gone.into_iter().flat_map(|(field, marks)| {
        marks.into_iter().map(move |from| Transition {
            field: field.clone(),
            from,
            to: Mark::default(),
            was: None,
        })
    });
    let added = come.into_iter().flat_map(|(field, marks)| {
        marks.into_iter().map(move |to| Transition {
            field: field.clone(),
            from: Mark::default(),
            to,
            was: None,
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
            was: None,
        }));
    }
    (before, after)
}

/// Joins a field that went to one that came in the same object with the same mark, if there is but one of each.
fn follow_names(gone: &mut Fields, come: &mut Fields, changes: &mut Vec<Transition>) {
    let alike = |fields: &Fields, like: &FieldId, mark: &Mark| -> Vec<FieldId> {
        let ids = fields
            .iter()
            .filter(|(id, marks)| id.object == like.object && marks.as_slice() == [mark.clone()]);
        ids.map(|(id, _)| id.clone()).collect()
    };
    let came: Vec<(FieldId, Vec<Mark>)> = come.iter().map(|(id, marks)| (id.clone(), marks.clone())).collect();
    for (field, marks) in came {
        let [mark] = marks.as_slice() else { continue };
        let (before, after) = (alike(gone, &field, mark), alike(come, &field, mark));
        if let ([was], [_]) = (before.as_slice(), after.as_slice()) {
            gone.remove(was);
            come.remove(&field);
            changes.push(Transition {
                field,
                from: mark.clone(),
                to: mark.clone(),
                was: Some(was.clone()),
            });
        }
    }
}

/// When each field was last written, over the same steps as [`super::holds`]: by the committer's clock. What a merge only
/// brings along was written before.
pub fn standing_since(timeline: &[Step]) -> BTreeMap<FieldId, Timestamp> {
    let mut since: BTreeMap<FieldId, Timestamp> = BTreeMap::new();
    for step in timeline {
        let elsewhere = |change: &&Transition| {
            let same = |other: &Transition| other.field == change.field;
            step.merged.iter().all(|changes| changes.iter().any(same))
        };
        for change in step.transitions.iter().filter(elsewhere) {
            let before = change.was.as_ref().filter(|_| change.from == change.to);
            let at = before.map_or(Some(step.committed_at), |was| since.get(was).copied());
            if let Some(at) = at {
                since.insert(change.field.clone(), at);
            }
        }
    }
    since
}
