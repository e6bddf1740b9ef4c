//! Bumps that write the image's name, too.

use super::*;
use crate::model::{CommitId, FieldId, FieldName, ImageRef, ObjectId};
use jiff::Timestamp;

fn field() -> FieldId {
    FieldId {
        object: ObjectId::new("apps/v1", "Deployment", Some("shop"), "web"),
        field: FieldName("web".to_owned()),
    }
}

fn commit(index: usize) -> CommitId {
    CommitId::from_bytes([u8::try_from(index).unwrap() + 1; 20])
}

fn image(text: &str) -> ImageRef {
    ImageRef::parse(text).unwrap()
}

fn value(text: &str) -> FieldValue {
    let image = image(text);
    FieldValue {
        image: image.name().to_owned(),
        version: ImageVersion::of(&image),
    }
}

fn bump(from: &str, to: &str) -> Bump {
    let (from, to) = (image(from), image(to));
    Bump {
        field: field(),
        image: from.name().to_owned(),
        new_image: (to.name() != from.name()).then(|| to.name().to_owned()),
        old: from.tag().cloned(),
        new: to.tag().cloned().unwrap(),
        digest: None,
        pinned: false,
        old_digest: None,
    }
}

/// A commit of a history that is written as text: `bump` or `edit`, and the image before and after.
fn step(index: usize, line: &str) -> Commit {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [kind, from, to] = words[..] else {
        panic!("{line}");
    };
    let files = FileFields {
        before: vec![(field(), value(from))],
        after: vec![(field(), value(to))],
    };
    Commit {
        commit: commit(index),
        author: "Jo <jo@acme.example>".to_owned(),
        committed_at: Timestamp::from_second(i64::try_from(index).unwrap() * 60).unwrap(),
        ours: Vec::from_iter((kind == "bump").then(|| bump(from, to))),
        resumes: Vec::new(),
        changes: field_changes([files]),
        parents: Vec::from_iter(index.checked_sub(1).map(commit)),
        merged: Vec::new(),
    }
}

/// What is held at the end of a history for a field with an image, if bumps write a name.
fn held(lines: &[&str], name: &str, current: &str) -> String {
    let steps: Vec<Commit> = lines
        .iter()
        .enumerate()
        .map(|(index, line)| step(index, line))
        .collect();
    let found = holds(&steps);
    let hold = found.get(&field()).and_then(|hold| hold.active(name, &image(current)));
    let images = hold.map(|hold| {
        let rejected = hold.rejected.iter();
        let images = rejected.map(|one| format!("{}:{}", one.image, one.tag));
        images.collect::<Vec<_>>().join(" ")
    });
    images.unwrap_or_default()
}

/// What the history is, its commits oldest first, the name that bumps write, the image at the end, what is held.
#[rustfmt::skip]
const HISTORIES: &[(&str, &[&str], &str, &str, &str)] = &[
    ("a name and a tag stand",              &["bump a/w:1 b/w:2"],                                        "b/w", "b/w:2", ""),
    ("both are reverted",                   &["bump a/w:1 b/w:2", "edit b/w:2 a/w:1"],                    "b/w", "a/w:1", "b/w:2"),
    ("the name alone moved, and back",      &["bump a/w:1 b/w:1", "edit b/w:1 a/w:1"],                    "b/w", "a/w:1", "b/w:1"),
    ("the tag was ours under both names",   &["bump a/w:0 a/w:1", "bump a/w:1 b/w:1", "edit b/w:1 a/w:1"], "b/w", "a/w:1", "b/w:1"),
    ("only the name is taken back",         &["bump a/w:1 b/w:2", "edit b/w:2 a/w:2"],                    "b/w", "a/w:2", "b/w:2"),
    ("only the tag is taken back",          &["bump a/w:1 b/w:2", "edit b/w:2 b/w:1"],                    "b/w", "b/w:1", "b/w:2"),
    ("a third name by hand",                &["bump a/w:1 b/w:2", "edit b/w:2 c/w:2"],                    "b/w", "c/w:2", "b/w:2"),
    ("taken back after a further bump",     &["bump a/w:1 b/w:2", "bump b/w:2 b/w:3", "edit b/w:3 a/w:3"], "b/w", "a/w:3", "b/w:3"),
    ("the revert is reverted",              &["bump a/w:1 b/w:1", "edit b/w:1 a/w:1", "edit a/w:1 b/w:1"], "b/w", "b/w:1", ""),
    ("the tag under the old name is not it", &["bump a/w:1 b/w:2", "edit b/w:2 a/w:1", "edit a/w:1 a/w:2"], "b/w", "a/w:2", "b/w:2"),
    ("the repository is changed back, too", &["bump a/w:1 b/w:2", "edit b/w:2 a/w:1"],                    "a/w", "a/w:1", ""),
    ("a bump moves the name back",          &["bump a/w:1 b/w:2", "bump b/w:2 a/w:2"],                    "a/w", "a/w:2", ""),
    ("people's own names are not ours",     &["bump a/w:0 a/w:1", "edit a/w:1 b/w:1", "edit b/w:1 a/w:1"], "b/w", "a/w:1", ""),
    ("a name by hand leaves no tag",        &["bump a/w:0 a/w:1", "edit a/w:1 b/w:1"],                    "a/w", "b/w:1", ""),
    ("a newer tag after the revert",        &["bump a/w:1 b/w:2", "edit b/w:2 a/w:1", "bump a/w:1 b/w:3"], "b/w", "b/w:3", ""),
];

#[test]
fn a_name_that_people_take_back_is_held_with_its_tag() {
    for (what, lines, name, current, expected) in HISTORIES {
        assert_eq!(held(lines, name, current), *expected, "{what}");
    }
}

/// The squash of a bump and of its revert quotes the trailer; its change is not the recorded one.
#[test]
fn a_recorded_name_that_a_commit_does_not_write_is_not_ours() {
    let mut squash = step(1, "edit b/w:2 a/w:3");
    squash.ours.push(bump("a/w:2", "b/w:3"));
    let steps = [step(0, "bump a/w:1 b/w:2"), squash];
    let found = holds(&steps);
    let hold = found[&field()].active("b/w", &image("a/w:3")).unwrap();
    assert_eq!(hold.rejected.len(), 1);
    assert_eq!(
        hold.rejected[0].to_string(),
        format!("b/w:2 was taken back in {} by Jo <jo@acme.example>", commit(1).short())
    );
}

/// The branch of the bump is merged, and the merge keeps the name of the other side.
#[test]
fn a_merge_that_leaves_the_name_takes_it_back() {
    let start = step(0, "edit a/w:0 a/w:1");
    let bumped = step(1, "bump a/w:1 b/w:1");
    let change = |from: &str, to: &str| {
        let files = FileFields {
            before: vec![(field(), value(from))],
            after: vec![(field(), value(to))],
        };
        field_changes([files])
    };
    let merge = |at_first: Vec<FieldChange>, at_second: Vec<FieldChange>| Commit {
        parents: vec![commit(1), commit(0)],
        changes: at_first,
        merged: vec![at_second],
        ..step(2, "edit a/w:1 a/w:1")
    };
    let taken_back = merge(change("b/w:1", "a/w:1"), Vec::new());
    let found = holds(&[start.clone(), bumped.clone(), taken_back]);
    assert!(found[&field()].active("b/w", &image("a/w:1")).is_some());
    let kept = merge(Vec::new(), change("a/w:1", "b/w:1"));
    assert!(holds(&[start, bumped, kept]).is_empty());
}

#[test]
fn a_change_of_the_name_alone_does_not_write_the_tag() {
    let mut index = HoldIndex::default();
    index.push(step(0, "edit a/w:0 a/w:1"));
    let before = index.written();
    index.push(step(1, "bump a/w:1 b/w:1"));
    assert_eq!(index.written(), before);
    index.push(step(2, "bump b/w:1 b/w:2"));
    assert_ne!(index.written(), before);
}

#[test]
fn values_of_one_field_in_several_documents_are_joined_by_version_before_they_are_joined_by_order() {
    let files = FileFields {
        before: vec![(field(), value("a/w:1")), (field(), value("a/w:2"))],
        after: vec![(field(), value("b/w:2")), (field(), value("b/w:1"))],
    };
    let changes = field_changes([files]);
    assert!(changes.iter().all(|change| change.from == change.to), "{changes:?}");
    assert_eq!(changes.len(), 2);
}

#[test]
fn the_trailer_of_a_bump_with_a_name_reads_back() {
    let bump = bump("a.example/w:1", "b.example:5000/w:2");
    let trailer = bump.trailer();
    assert!(
        trailer.contains(" image=a.example/w new-image=b.example:5000/w old=1 new=2"),
        "{trailer}"
    );
    assert_eq!(bumps(&format!("Subject\n\n{trailer}\n")), [bump]);
}
