use crate::manifest::yaml::cursor::Cursor;
use crate::manifest::yaml::path::{Path, Step};
use crate::manifest::yaml::tree::Tree;
use serde_json::Value;
use std::collections::BTreeSet;

/// The JSON value of a document; `None` if it has no JSON form.
pub(crate) fn document_value(tree: &Tree) -> Option<Value> {
    Cursor::root(tree).json(&mut Vec::new()).ok()
}

/// The value at a path.
pub(crate) fn value_at<'a>(value: &'a mut Value, path: &Path) -> Option<&'a mut Value> {
    path.0.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(&**key),
        Step::Index(index) => value.get_mut(index),
    })
}

/// The path of the first value that differs; `None` if the values are equal.
pub(crate) fn difference(one: &Value, other: &Value) -> Option<Path> {
    let mut path = Path::default();
    differs(one, other, &mut path).then_some(path)
}

fn differs(one: &Value, other: &Value, path: &mut Path) -> bool {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            keys.into_iter()
                .any(|key| differs_at(Step::Key(key.as_str().into()), a.get(key), b.get(key), path))
        }
        (Value::Array(a), Value::Array(b)) => {
            (0..a.len().max(b.len())).any(|index| differs_at(Step::Index(index), a.get(index), b.get(index), path))
        }
        (one, other) => one != other,
    }
}

fn differs_at(step: Step, one: Option<&Value>, other: Option<&Value>, path: &mut Path) -> bool {
    path.0.push(step);
    let differs = match (one, other) {
        (Some(one), Some(other)) => differs(one, other, path),
        _ => true,
    };
    if !differs {
        path.0.pop();
    }
    differs
}
