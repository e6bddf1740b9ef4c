//! How two states of an object differ, field by field, for people.
//!
//! What only the server writes is left out. Values of Secrets are named by a hash that is keyed for each run: equal values look
//! equal within one output, and nobody can try short values out.

use super::field_set::show_field;
use crate::model::Printable;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fmt;

/// A value is shown up to this many characters.
const MAX_VALUE: usize = 160;
/// How many fields of one object are listed.
const MAX_FIELDS: usize = 200;
/// Metadata that only the server writes.
const OF_SERVER: [&str; 6] = [
    "managedFields",
    "resourceVersion",
    "generation",
    "uid",
    "creationTimestamp",
    "selfLink",
];
/// kubectl keeps the whole manifest there, a Secret's values included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A field that differs. At least one of the two values is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// The field, as in `spec.template.spec.containers[app].image`.
    pub field: String,
    /// The live value; absent if the field is new.
    pub before: Option<String>,
    /// The value after an apply; absent if the field goes.
    pub after: Option<String>,
}

/// `~ spec.replicas: 1 -> 3`, `+ data.key: "v"`, `- data.old: "v"`.
impl fmt::Display for FieldChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "~ {}: {before} -> {after}", self.field),
            (None, Some(after)) => write!(f, "+ {}: {after}", self.field),
            (Some(before), None) => write!(f, "- {}: {before}", self.field),
            (None, None) => write!(f, "  {}", self.field),
        }
    }
}

/// How the second state differs from the first. `key`: another one for each run.
pub fn object_diff(before: &Value, after: &Value, is_secret: bool, key: &[u8; 16]) -> Vec<FieldChange> {
    let mut walk = Walk {
        path: Vec::new(),
        changes: Vec::new(),
        key: is_secret.then_some(key),
    };
    walk.compare(Some(before), Some(after));
    walk.changes
}

struct Walk<'a> {
    path: Vec<String>,
    changes: Vec<FieldChange>,
    /// For a Secret.
    key: Option<&'a [u8; 16]>,
}

impl Walk<'_> {
    fn compare(&mut self, before: Option<&Value>, after: Option<&Value>) {
        if before == after || self.changes.len() >= MAX_FIELDS || self.is_left_out() {
            return;
        }
        match (before, after) {
            (Some(Value::Object(old)), Some(Value::Object(new))) => {
                let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
                for key in keys {
                    self.below(format!("f:{key}"), old.get(key), new.get(key));
                }
            }
            (Some(Value::Array(old)), Some(Value::Array(new))) => self.compare_lists(old, new),
            _ => {
                let before = before.map(|value| self.shown(value));
                let after = after.map(|value| self.shown(value));
                self.changes.push(FieldChange {
                    field: Printable::new(&show_field(&self.path)).uncut().to_string(),
                    before,
                    after,
                });
            }
        }
    }

    fn below(&mut self, step: String, before: Option<&Value>, after: Option<&Value>) {
        self.path.push(step);
        self.compare(before, after);
        self.path.pop();
    }

    /// Items with names are compared by their names, others by their places.
    fn compare_lists(&mut self, old: &[Value], new: &[Value]) {
        let (Some(old_names), Some(new_names)) = (names(old), names(new)) else {
            for index in 0..old.len().max(new.len()) {
                self.below(format!("i:{index}"), old.get(index), new.get(index));
            }
            return;
        };
        let all: BTreeSet<&str> = old_names.iter().chain(&new_names).copied().collect();
        let find = |names: &[&str], name: &str| names.iter().position(|known| *known == name);
        for name in all {
            let before = find(&old_names, name).and_then(|index| old.get(index));
            let after = find(&new_names, name).and_then(|index| new.get(index));
            let key = serde_json::json!({ "name": name });
            self.below(format!("k:{key}"), before, after);
        }
    }

    fn is_left_out(&self) -> bool {
        let is = |index: usize, name: &str| self.path.get(index).and_then(|step| step.strip_prefix("f:")) == Some(name);
        match self.path.len() {
            1 => is(0, "status"),
            2 => is(0, "metadata") && OF_SERVER.iter().any(|name| is(1, name)),
            _ => false,
        }
    }

    fn shown(&self, value: &Value) -> String {
        let is = |index: usize, name: &str| self.path.get(index).and_then(|step| step.strip_prefix("f:")) == Some(name);
        let holds_secret =
            is(0, "data") || is(0, "stringData") || is(2, LAST_APPLIED) || self.path.len() < 3 && is(0, "metadata");
        match self.key {
            Some(key) if holds_secret || self.path.is_empty() => hashed(value, key),
            _ => Printable::new(&value.to_string()).at_most(MAX_VALUE).to_string(),
        }
    }
}

/// The names of all items, if each has one of its own.
fn names(items: &[Value]) -> Option<Vec<&str>> {
    let names: Vec<&str> = items
        .iter()
        .map(|item| item.get("name").and_then(Value::as_str))
        .collect::<Option<_>>()?;
    let unique: BTreeSet<&str> = names.iter().copied().collect();
    (unique.len() == names.len()).then_some(names)
}

fn hashed(value: &Value, key: &[u8; 16]) -> String {
    // Cut short, so that it cannot be carried on to the hash of a longer value.
    let digest = hex::encode(Sha256::new_with_prefix(key).chain_update(value.to_string()).finalize());
    format!("(hash {})", digest.get(..12).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn diff(before: &Value, after: &Value, is_secret: bool) -> Vec<String> {
        let changes = object_diff(before, after, is_secret, &[7; 16]);
        changes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn fields_are_named_with_both_values_and_the_servers_own_are_left_out() {
        let before = json!({"metadata": {"name": "web", "resourceVersion": "1", "managedFields": [], "labels": {"a": "1"}},
            "spec": {"replicas": 1, "containers": [{"name": "app", "image": "x:1"}, {"name": "old", "image": "y"}], "args": ["a", "b"]},
            "status": {"replicas": 1}});
        let after = json!({"metadata": {"name": "web", "resourceVersion": "2", "labels": {"a": "1", "b.c/d": "2"}},
            "spec": {"replicas": 3, "containers": [{"name": "new", "image": "z"}, {"name": "app", "image": "x:2"}], "args": ["a"]}});
        let changes = diff(&before, &after, false);
        for expected in [
            "~ spec.replicas: 1 -> 3",
            "~ spec.containers[app].image: \"x:1\" -> \"x:2\"",
            "- spec.containers[old]: {\"image\":\"y\",\"name\":\"old\"}",
            "+ spec.containers[new]: {\"image\":\"z\",\"name\":\"new\"}",
        ] {
            assert!(
                changes.contains(&expected.to_owned()),
                "{expected} is not in {changes:#?}"
            );
        }
        assert_eq!(changes.len(), 6, "{changes:#?}");
        assert_eq!(diff(&before, &before, false), [""; 0]);
    }

    #[test]
    fn no_value_of_a_secret_is_shown_wherever_it_stands() {
        let secret = |data: Value| json!({"type": "Opaque", "metadata": {"annotations": {LAST_APPLIED: data.to_string(), "note": "plain"}}, "data": data});
        let rows = [
            (
                secret(json!({"a": "aHVudGVyMg=="})),
                secret(json!({"a": "c3dvcmRmaXNo", "b": "aHVudGVyMg=="})),
            ),
            (json!({"metadata": {}}), secret(json!({"a": "aHVudGVyMg=="}))),
            (secret(json!({"a": "aHVudGVyMg=="})), json!(null)),
        ];
        for (before, after) in rows {
            let changes = diff(&before, &after, true).join("\n");
            assert!(changes.contains("(hash "), "{changes}");
            for value in ["aHVudGVyMg", "c3dvcmRmaXNo"] {
                assert!(!changes.contains(value), "{value} is in\n{changes}");
            }
        }
        let key = |key: u8| {
            object_diff(
                &json!({"data": {"a": "x"}}),
                &json!({"data": {"a": "y"}}),
                true,
                &[key; 16],
            )
        };
        assert_ne!(key(1), key(2), "a hash cannot be looked up");
    }

    #[test]
    fn no_value_and_no_name_of_a_field_steers_the_terminal() {
        let before = json!({"data": {"a": "1", "k": "1\u{9b}2J", "old\u{1b}[2J": 1}});
        let after = json!({"data": {"a": "1", "k": "\u{202e}2", "new\u{9b}": 1}});
        let changes = diff(&before, &after, false);
        assert_eq!(
            changes,
            ["~ data.k: \"1?2J\" -> \"?2\"", "+ data.new?: 1", "- data.old?[2J: 1"]
        );
    }

    #[test]
    fn an_object_that_is_made_to_be_large_has_a_bounded_diff() {
        let many = |value: &str| json!({"data": (0..5_000).map(|n| (n.to_string(), value.repeat(1_000).into())).collect::<serde_json::Map<_, _>>()});
        let changes = object_diff(&many("a"), &many("b"), false, &[0; 16]);
        assert_eq!(changes.len(), MAX_FIELDS);
        assert!(changes.iter().all(|change| change.to_string().len() < 400));
    }
}
