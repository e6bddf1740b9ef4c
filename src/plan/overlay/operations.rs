use super::mark::{marks, without_marks};
use crate::manifest::Operation;
use crate::resource::value_weight;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What a patch of operations does to an object.
pub(super) struct Patched {
    /// The object afterwards.
    pub(super) value: Value,
    /// The sources of the images that the patch compares. An edit there would make kustomize fail.
    pub(super) compared: BTreeSet<usize>,
    /// About how many bytes of memory the operations added.
    pub(super) added: usize,
}

/// Why operations were not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// An operation fails, as in kustomize.
    Operation,
    /// The operations add more memory than is left: about so many bytes.
    TooLarge(usize),
}

/// Applies operations (RFC 6902) one after another. They may add as many bytes of memory as there is room: a few copies of
/// copies would take all memory.
pub(super) fn apply(value: &Value, operations: &[Operation], room: usize) -> Result<Patched, Failed> {
    let mut patched = Patched {
        value: value.clone(),
        compared: BTreeSet::new(),
        added: 0,
    };
    let is_opened = patched.open_annotations();
    for operation in operations {
        patched.added = patched.added.saturating_add(patched.weight_of(operation));
        if patched.added > room {
            return Err(Failed::TooLarge(patched.added));
        }
        patched.step(operation).ok_or(Failed::Operation)?;
    }
    if is_opened {
        patched.close_annotations();
    }
    Ok(patched)
}

impl Patched {
    /// Gives the object annotations if it has none: kustomize keeps notes of its own there, so that an operation finds them.
    fn open_annotations(&mut self) -> bool {
        let metadata = self.value.get_mut("metadata").and_then(Value::as_object_mut);
        let Some(metadata) = metadata.filter(|metadata| metadata.get("annotations").is_none_or(Value::is_null)) else {
            return false;
        };
        metadata.insert("annotations".to_owned(), Value::Object(Map::new()));
        true
    }

    /// Takes the annotations away again if no operation wrote any.
    fn close_annotations(&mut self) {
        let metadata = self.value.get_mut("metadata").and_then(Value::as_object_mut);
        let is_empty = |annotations: &Value| annotations.as_object().is_some_and(Map::is_empty);
        if let Some(metadata) = metadata.filter(|metadata| metadata.get("annotations").is_some_and(is_empty)) {
            metadata.remove("annotations");
        }
    }

    /// About how many bytes of memory an operation adds.
    fn weight_of(&mut self, operation: &Operation) -> usize {
        match &*operation.op {
            "add" | "replace" => value_weight(&operation.value),
            "copy" => {
                let from = operation.from.as_deref().and_then(steps);
                let copied = from.and_then(|from| at_mut(&mut self.value, &from));
                copied.map_or(0, |copied| value_weight(copied))
            }
            _ => 0,
        }
    }

    fn step(&mut self, operation: &Operation) -> Option<()> {
        let path = steps(&operation.path)?;
        let from = || steps(operation.from.as_deref()?);
        match &*operation.op {
            "add" => add(&mut self.value, &path, operation.value.clone()),
            "remove" => remove(&mut self.value, &path).map(|_| ()),
            "replace" => replace(&mut self.value, &path, operation.value.clone()),
            "move" => {
                let moved = remove(&mut self.value, &from()?)?;
                add(&mut self.value, &path, moved)
            }
            "copy" => {
                let copied = copied(&mut self.value, &from()?)?;
                add(&mut self.value, &path, copied)
            }
            "test" => {
                let Some(found) = at_mut(&mut self.value, &path) else {
                    return operation.value.is_null().then_some(());
                };
                let compared = marks(found);
                let is_equal = *found == operation.value || !compared.is_empty() && is_like(found, &operation.value);
                self.compared.extend(compared);
                is_equal.then_some(())
            }
            _ => None,
        }
    }
}

/// Whether two values are equal but for the tags that marks stand for.
fn is_like(marked: &Value, other: &Value) -> bool {
    match (marked, other) {
        (Value::String(marked), Value::String(other)) => match without_marks(marked) {
            Some(name) => other.starts_with(name),
            None => marked == other,
        },
        (Value::Array(marked), Value::Array(other)) => {
            marked.len() == other.len() && marked.iter().zip(other).all(|(one, other)| is_like(one, other))
        }
        (Value::Object(marked), Value::Object(other)) => {
            let mut entries = marked.iter();
            marked.len() == other.len()
                && entries.all(|(key, value)| other.get(key).is_some_and(|other| is_like(value, other)))
        }
        (one, other) => one == other,
    }
}

/// The parts of a JSON pointer (RFC 6901).
fn steps(pointer: &str) -> Option<Vec<String>> {
    let rest = match pointer {
        "" => return Some(Vec::new()),
        pointer => pointer.strip_prefix('/')?,
    };
    Some(
        rest.split('/')
            .map(|step| step.replace("~1", "/").replace("~0", "~"))
            .collect(),
    )
}

fn at_mut<'v>(value: &'v mut Value, path: &[String]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, step| match value {
        Value::Object(map) => map.get_mut(step),
        Value::Array(items) => {
            let index = index(step, items.len())?;
            items.get_mut(index)
        }
        _ => None,
    })
}

/// The index of a list's item. kustomize counts negative indices from the end.
fn index(step: &str, length: usize) -> Option<usize> {
    match step.strip_prefix('-') {
        Some(back) => length.checked_sub(back.parse().ok()?),
        None => step.parse().ok(),
    }
}

fn add(value: &mut Value, path: &[String], added: Value) -> Option<()> {
    let Some((last, parent)) = path.split_last() else {
        *value = added;
        return Some(());
    };
    match at_mut(value, parent)? {
        Value::Object(map) => {
            map.insert(last.clone(), added);
        }
        Value::Array(items) if last == "-" => items.push(added),
        Value::Array(items) => {
            // A negative index counts from the end of the list as it is after the addition.
            let index = index(last, items.len() + 1).filter(|index| *index <= items.len())?;
            items.insert(index, added);
        }
        _ => return None,
    }
    Some(())
}

/// The value to copy. kustomize copies nothing at all from a key that a map does not have.
fn copied(value: &mut Value, path: &[String]) -> Option<Value> {
    if let Some((last, parent)) = path.split_last()
        && let Value::Object(map) = at_mut(value, parent)?
    {
        return Some(map.get(last).cloned().unwrap_or_default());
    }
    at_mut(value, path).cloned()
}

/// Replaces a value. kustomize also replaces an entry of a map that is not there.
fn replace(value: &mut Value, path: &[String], replacement: Value) -> Option<()> {
    if let Some((last, parent)) = path.split_last()
        && let Value::Object(map) = at_mut(value, parent)?
    {
        map.insert(last.clone(), replacement);
        return Some(());
    }
    *at_mut(value, path)? = replacement;
    Some(())
}

fn remove(value: &mut Value, path: &[String]) -> Option<Value> {
    let (last, parent) = path.split_last()?;
    match at_mut(value, parent)? {
        Value::Object(map) => map.remove(last),
        Value::Array(items) => {
            let index = index(last, items.len()).filter(|index| *index < items.len())?;
            Some(items.remove(index))
        }
        _ => None,
    }
}
