use crate::manifest::document::Style;
use crate::manifest::read::File;
use crate::manifest::yaml::cursor::{Path, Place, Step};
use crate::manifest::yaml::events::{self, Event, What};
use crate::manifest::yaml::limits::{self, Broken};
use crate::manifest::yaml::tree::{self, Tree};
use crate::model::Position;
use serde_json::Value;
use std::collections::BTreeMap;

/// A scalar that an edit is to change.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    /// The document, by its place in the file.
    pub tree: usize,
    /// The way to it.
    pub path: Path,
    /// Its event.
    pub event: usize,
    /// Its text after the edit.
    pub text: String,
    /// Where it stands in the old text.
    pub position: Position,
}

type Doubt = (Position, String);

const START: Position = Position { line: 1, column: 1 };

/// Reads old and new text again and compares them: exactly the planned scalars and fields differ, for both parsers.
///
/// # Errors
/// The first difference that was not planned.
pub(crate) fn check(old: &[u8], new: &[u8], file: &File, planned: &[Planned], json: bool) -> Result<(), Doubt> {
    let first = planned.first().map_or(START, |planned| planned.position);
    let broken = |broken: Broken| {
        (
            broken.position.unwrap_or(first),
            format!("after the edit the file {}", broken.reason),
        )
    };
    let (old_text, new_text) = (limits::text(old).map_err(broken)?, limits::text(new).map_err(broken)?);
    if json && !is_json(new) {
        return Err((first, "after the edit the file would no longer be JSON".to_owned()));
    }
    let by_event: BTreeMap<usize, &Planned> = planned.iter().map(|planned| (planned.event, planned)).collect();
    let old_second = events::by_granit(old_text.text).map_err(|failure| broken(failure.into_broken()))?;
    let new_second = events::by_granit(new_text.text).map_err(|failure| broken(failure.into_broken()))?;
    same_but_for(&old_second, &new_second, &by_event)?;
    let new_events = match events::by_yaml_rust2(old_text.text) {
        Ok(old_first) => {
            let new_first = events::by_yaml_rust2(new_text.text).map_err(|failure| broken(failure.into_broken()))?;
            same_but_for(&old_first, &new_first, &by_event)?;
            agree(&new_first, &new_second, &by_event)?;
            new_first
        }
        Err(_) => new_second,
    };
    let new_trees = tree::build(new_events).map_err(broken)?;
    values(file, &new_trees, planned)
        .map_err(|doubt| doubt.unwrap_or((first, "after the edit the file does not read".to_owned())))
}

/// Whether the bytes are JSON documents, one after the other: such a file must stay JSON.
pub(crate) fn is_json(bytes: &[u8]) -> bool {
    let start = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    start.is_some_and(|byte| b"{[".contains(byte))
        && serde_json::Deserializer::from_slice(bytes)
            .into_iter::<serde::de::IgnoredAny>()
            .all(|document| document.is_ok())
}

fn same_but_for(old: &[Event], new: &[Event], planned: &BTreeMap<usize, &Planned>) -> Result<(), Doubt> {
    for (index, (before, after)) in old.iter().zip(new).enumerate() {
        let same = match (planned.get(&index), &before.what, &after.what) {
            (Some(planned), What::Scalar(before), What::Scalar(after)) => {
                after.value == planned.text
                    && (after.anchor, &after.tag) == (before.anchor, &before.tag)
                    && (after.style == before.style || after.style == Style::DoubleQuoted)
            }
            (Some(_), ..) => false,
            (None, before, after) => before == after,
        };
        if !same {
            return Err((before.position, "the edit would change what stands here".to_owned()));
        }
    }
    if old.len() == new.len() {
        Ok(())
    } else {
        Err((START, "the edit would add or remove values".to_owned()))
    }
}

/// Both parsers see the same values, and the planned scalars at the same bytes.
fn agree(first: &[Event], second: &[Event], planned: &BTreeMap<usize, &Planned>) -> Result<(), Doubt> {
    let odd = |event: &Event| {
        (
            event.position,
            "two YAML parsers do not agree on what stands here; write it more plainly".to_owned(),
        )
    };
    for (index, (one, other)) in first.iter().zip(second).enumerate() {
        let same = match (&one.what, &other.what) {
            (What::Scalar(one), What::Scalar(other)) => one.value == other.value && one.anchor == other.anchor,
            (one, other) => std::mem::discriminant(one) == std::mem::discriminant(other),
        };
        if !same || planned.contains_key(&index) && one.token != other.token {
            return Err(odd(one));
        }
    }
    match first.get(second.len()).or(second.get(first.len())) {
        Some(extra) => Err(odd(extra)),
        None => Ok(()),
    }
}

/// The values that kubectl would send differ at the planned fields only: an anchor that another field shares shows here.
fn values(file: &File, trees: &[Tree], planned: &[Planned]) -> Result<(), Option<Doubt>> {
    if trees.len() != file.trees.len() {
        return Err(None);
    }
    let mut by_tree: BTreeMap<usize, Vec<&Planned>> = BTreeMap::new();
    for planned in planned {
        by_tree.entry(planned.tree).or_default().push(planned);
    }
    for (index, mine) in by_tree {
        let (Some(first), Some(old), Some(new)) = (mine.first(), file.trees.get(index), trees.get(index)) else {
            continue;
        };
        let mut expected = Place::root(old).json(&mut Vec::new()).map_err(|_| None)?;
        let found = Place::root(new).json(&mut Vec::new()).map_err(|_| None)?;
        for planned in &mine {
            *at(&mut expected, &planned.path).ok_or(None)? = Value::String(planned.text.clone());
        }
        if let Some(path) = difference(&expected, &found) {
            let reason =
                format!("{path} shares this text through an anchor and would change too; write the text out there");
            return Err(Some((first.position, reason)));
        }
    }
    Ok(())
}

/// What an event of the edited text must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// This event of the old text.
    Old(usize),
    /// This scalar of the old text with another text.
    Instead(usize, String),
    /// A new scalar.
    Text(String),
    /// The start of a new mapping.
    Start,
    /// The end of a mapping.
    End,
}

/// An annotation that is set or taken away, and the events that must come of it.
#[derive(Debug)]
pub(crate) struct Structure<'a> {
    pub tree: usize,
    pub metadata: Path,
    pub key: &'a str,
    pub value: Option<&'a str>,
    /// Whether the annotations go with their last entry.
    pub emptied: bool,
    pub expected: Vec<Expected>,
    pub home: Position,
}

/// Reads old and new text again: for both parsers the events are the expected ones, and the values differ by the
/// annotation only.
///
/// # Errors
/// The first difference that was not planned.
pub(crate) fn check_structure(old: &[u8], new: &[u8], file: &File, change: &Structure<'_>) -> Result<(), Doubt> {
    let broken = |broken: Broken| (change.home, format!("after the edit the file {}", broken.reason));
    let (old_text, new_text) = (limits::text(old).map_err(broken)?, limits::text(new).map_err(broken)?);
    if is_json(old) && !is_json(new) {
        return Err((
            change.home,
            "after the edit the file would no longer be JSON".to_owned(),
        ));
    }
    let second = events::by_granit(new_text.text).map_err(|failure| broken(failure.into_broken()))?;
    let old_second = events::by_granit(old_text.text).map_err(|failure| broken(failure.into_broken()))?;
    as_expected(&old_second, &second, &change.expected)?;
    let new_events = match events::by_yaml_rust2(old_text.text) {
        Ok(old_first) => {
            let first = events::by_yaml_rust2(new_text.text).map_err(|failure| broken(failure.into_broken()))?;
            as_expected(&old_first, &first, &change.expected)?;
            first
        }
        Err(_) => second,
    };
    let trees = tree::build(new_events).map_err(broken)?;
    let unsure = || {
        (
            change.home,
            "what the edit would change cannot be told; change it by hand".to_owned(),
        )
    };
    if trees.len() != file.trees.len() {
        return Err(unsure());
    }
    for (index, (old, new)) in file.trees.iter().zip(&trees).enumerate() {
        let values = |tree| Place::root(tree).json(&mut Vec::new());
        let (Ok(mut expected), Ok(found)) = (values(old), values(new)) else {
            return Err(unsure());
        };
        if index == change.tree {
            set(&mut expected, change).ok_or_else(unsure)?;
        }
        if let Some(path) = difference(&expected, &found) {
            return Err((
                change.home,
                format!("{path} would change too, through an anchor or a merge; write it out there"),
            ));
        }
    }
    Ok(())
}

fn set(value: &mut Value, change: &Structure<'_>) -> Option<()> {
    let metadata = at(value, &change.metadata)?.as_object_mut()?;
    if change.emptied {
        metadata.remove("annotations");
        return Some(());
    }
    let annotations = metadata.entry("annotations").or_insert(Value::Null);
    if annotations.is_null() {
        *annotations = Value::Object(serde_json::Map::new());
    }
    let annotations = annotations.as_object_mut()?;
    match change.value {
        Some(text) => annotations.insert(change.key.to_owned(), text.into()),
        None => annotations.remove(change.key),
    };
    Some(())
}

fn as_expected(old: &[Event], new: &[Event], expected: &[Expected]) -> Result<(), Doubt> {
    let plain = |what: &What, text: &str| matches!(what, What::Scalar(scalar) if scalar.value == text && scalar.anchor == 0 && scalar.tag.is_none());
    for (expected, found) in expected.iter().zip(new) {
        let same = match expected {
            Expected::Old(at) => old.get(*at).is_some_and(|event| event.what == found.what),
            Expected::Instead(at, text) => match (old.get(*at).map(|event| &event.what), &found.what) {
                (Some(What::Scalar(before)), What::Scalar(after)) => {
                    after.value == *text && (after.anchor, &after.tag) == (before.anchor, &before.tag)
                }
                _ => false,
            },
            Expected::Text(text) => plain(&found.what, text),
            Expected::Start => found.what == What::MappingStart { anchor: 0, tag: None },
            Expected::End => found.what == What::MappingEnd,
        };
        if !same {
            return Err((found.position, "the edit would change what stands here".to_owned()));
        }
    }
    match expected.len() == new.len() {
        true => Ok(()),
        false => Err((START, "the edit would add or remove values".to_owned())),
    }
}

fn at<'a>(value: &'a mut Value, path: &Path) -> Option<&'a mut Value> {
    path.0.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(&**key),
        Step::Index(index) => value.get_mut(index),
    })
}

/// The way to the first value that is not the same.
fn difference(one: &Value, other: &Value) -> Option<Path> {
    fn walk(one: &Value, other: &Value, path: &mut Path) -> bool {
        let differs_below = |step: Step, one: Option<&Value>, other: Option<&Value>, path: &mut Path| {
            path.0.push(step);
            let differs = match (one, other) {
                (Some(one), Some(other)) => walk(one, other, path),
                _ => true,
            };
            if !differs {
                path.0.pop();
            }
            differs
        };
        match (one, other) {
            (Value::Object(a), Value::Object(b)) => {
                let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
                keys.into_iter()
                    .any(|key| differs_below(Step::Key(key.as_str().into()), a.get(key), b.get(key), path))
            }
            (Value::Array(a), Value::Array(b)) => (0..a.len().max(b.len()))
                .any(|index| differs_below(Step::Index(index), a.get(index), b.get(index), path)),
            (one, other) => one != other,
        }
    }
    let mut path = Path::default();
    walk(one, other, &mut path).then_some(path)
}
