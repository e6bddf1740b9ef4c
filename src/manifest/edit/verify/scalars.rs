use crate::manifest::edit::change::Refusal;
use crate::manifest::edit::verify::difference::{difference, document_value, value_at};
use crate::manifest::edit::verify::reread::{START, Texts, reread};
use crate::manifest::read::file::File;
use crate::manifest::yaml::events::{Event, EventKind, Style};
use crate::manifest::yaml::path::Path;
use crate::manifest::yaml::tree::Tree;
use crate::model::Position;
use serde_json::Value;
use std::collections::BTreeMap;

/// A scalar that an edit changes.
#[derive(Debug, Clone)]
pub(crate) struct PlannedScalar {
    /// The index of the scalar's document in the file.
    pub tree: usize,
    /// The path from the document's root to the scalar.
    pub path: Path,
    /// The index of the scalar's event.
    pub event: usize,
    /// The scalar's text after the edit.
    pub text: String,
    /// The scalar's position in the old text.
    pub position: Position,
}

/// Verifies an edit of scalars: for both parsers, exactly the planned scalars differ.
///
/// # Errors
/// The first difference that was not planned.
pub(crate) fn check(old: &[u8], new: &[u8], file: &File, planned: &[PlannedScalar], json: bool) -> Result<(), Refusal> {
    let at = planned.first().map_or(START, |planned| planned.position);
    let by_event: BTreeMap<usize, &PlannedScalar> = planned.iter().map(|planned| (planned.event, planned)).collect();
    let trees = reread(
        Texts { old, new, json, at },
        |old, new| same_except(old, new, &by_event),
        |one, other| parsers_agree(one, other, &by_event),
    )?;
    compare_values(file, &trees, planned)
        .map_err(|refusal| refusal.unwrap_or((at, "after the edit the file cannot be read".to_owned())))
}

/// Compares the events before and after the edit.
fn same_except(old: &[Event], new: &[Event], planned: &BTreeMap<usize, &PlannedScalar>) -> Result<(), Refusal> {
    for (index, (before, after)) in old.iter().zip(new).enumerate() {
        let same = match (planned.get(&index), &before.kind, &after.kind) {
            (Some(planned), EventKind::Scalar(before), EventKind::Scalar(after)) => {
                after.value == planned.text
                    && (after.anchor, &after.tag) == (before.anchor, &before.tag)
                    && (after.style == before.style || after.style == Style::DoubleQuoted)
            }
            (Some(_), ..) => false,
            (None, before, after) => before == after,
        };
        if !same {
            return Err((before.position, "the edit would change the value here, too".to_owned()));
        }
    }
    if old.len() == new.len() {
        Ok(())
    } else {
        Err((START, "the edit would add or remove values".to_owned()))
    }
}

/// Compares the events of both parsers: the values are the same, and the planned scalars have the same bytes.
fn parsers_agree(one: &[Event], other: &[Event], planned: &BTreeMap<usize, &PlannedScalar>) -> Result<(), Refusal> {
    let disagree = |event: &Event| {
        let reason = "two YAML parsers read different values here; write it in a simpler form";
        (event.position, reason.to_owned())
    };
    for (index, (first, second)) in one.iter().zip(other).enumerate() {
        let same = match (&first.kind, &second.kind) {
            (EventKind::Scalar(first), EventKind::Scalar(second)) => {
                first.value == second.value && first.anchor == second.anchor
            }
            (first, second) => std::mem::discriminant(first) == std::mem::discriminant(second),
        };
        if !same || planned.contains_key(&index) && first.token != second.token {
            return Err(disagree(first));
        }
    }
    match one.get(other.len()).or(other.get(one.len())) {
        Some(extra) => Err(disagree(extra)),
        None => Ok(()),
    }
}

/// Compares the values that kubectl would send. Only the planned fields may differ; a field that shares a scalar through
/// an anchor differs here.
fn compare_values(file: &File, trees: &[Tree], planned: &[PlannedScalar]) -> Result<(), Option<Refusal>> {
    if trees.len() != file.trees.len() {
        return Err(None);
    }
    let mut by_tree: BTreeMap<usize, Vec<&PlannedScalar>> = BTreeMap::new();
    for planned in planned {
        by_tree.entry(planned.tree).or_default().push(planned);
    }
    for (index, planned) in by_tree {
        let (Some(first), Some(old), Some(new)) = (planned.first(), file.trees.get(index), trees.get(index)) else {
            continue;
        };
        let mut expected = document_value(old).ok_or(None)?;
        let found = document_value(new).ok_or(None)?;
        for planned in &planned {
            *value_at(&mut expected, &planned.path).ok_or(None)? = Value::String(planned.text.clone());
        }
        if let Some(path) = difference(&expected, &found) {
            let reason =
                format!("{path} has the same text through an anchor and would change, too; write its text out");
            return Err(Some((first.position, reason)));
        }
    }
    Ok(())
}
