//! Whether a live object has what its manifest declares, and nothing more that is not somebody else's by right.

use serde_json::{Map, Value};

/// The field manager of the agent.
const MANAGER: &str = "tidegate";

/// Why a live object is not as declared.
pub(in crate::chaos) fn difference(declared: &Value, live: &Value) -> Option<String> {
    lacks(declared, live, "").or_else(|| surplus(declared, live))
}

/// The first declared field that the live object has not, or has otherwise.
fn lacks(declared: &Value, live: &Value, path: &str) -> Option<String> {
    match (declared, live) {
        (Value::Object(declared), Value::Object(live)) => declared.iter().find_map(|(key, value)| {
            let path = format!("{path}.{key}");
            match live.get(key) {
                None if is_empty(value) => None,
                None => Some(format!("{path} is missing")),
                Some(live) => lacks(value, live, &path),
            }
        }),
        (Value::Array(declared), Value::Array(live)) => declared.iter().enumerate().find_map(|(index, value)| {
            let path = format!("{path}[{index}]");
            let found = match value.get("name") {
                Some(name) => live.iter().find(|item| item.get("name") == Some(name)),
                None => live.get(index),
            };
            match found {
                None => Some(format!("{path} is missing")),
                Some(live) => lacks(value, live, &path),
            }
        }),
        (declared, live) if declared == live => None,
        (declared, live) => Some(format!("{path} is {live}, and {declared} is declared")),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().all(is_empty),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The first field that the agent owns and that is not declared, or that a person wrote and that is not declared.
fn surplus(declared: &Value, live: &Value) -> Option<String> {
    let entries = live.pointer("/metadata/managedFields")?.as_array()?;
    let text = |entry: &Value, name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut is_ours = false;
    for entry in entries {
        let (manager, operation) = (text(entry, "manager"), text(entry, "operation"));
        let fields = entry.get("fieldsV1").and_then(Value::as_object);
        let Some(fields) = fields.filter(|_| text(entry, "subresource").is_empty()) else {
            continue;
        };
        let is_agent = manager == MANAGER && operation == "Apply";
        is_ours |= is_agent;
        let is_person = manager.starts_with("kubectl");
        if !is_agent && !is_person {
            continue;
        }
        let mut fields = fields.clone();
        if is_person {
            fields.remove("f:metadata");
            fields.remove("f:status");
            drop_template_marks(&mut fields);
        }
        if let Some(path) = undeclared(&fields, declared, "") {
            let is_left = is_person && path == ".spec.replicas";
            if !is_left {
                return Some(format!("{path} is not declared, and {manager} owns it"));
            }
        }
    }
    (!is_ours).then(|| "the agent owns no field of it".to_owned())
}

/// Labels and annotations of a template that people write stay.
fn drop_template_marks(fields: &mut Map<String, Value>) {
    if let Some(template) = fields.get_mut("f:spec").and_then(|spec| spec.get_mut("f:template"))
        && let Some(template) = template.as_object_mut()
    {
        template.remove("f:metadata");
    }
}

fn undeclared(fields: &Map<String, Value>, declared: &Value, path: &str) -> Option<String> {
    fields.iter().filter(|(key, _)| *key != ".").find_map(|(key, inner)| {
        let (kind, name) = key.split_once(':').unwrap_or(("", key));
        let path = format!("{path}.{name}");
        let found = match kind {
            "f" => declared.get(name),
            "k" => {
                let keys: Value = serde_json::from_str(name).unwrap_or_default();
                let has = |item: &&Value| {
                    let mut keys = keys.as_object().into_iter().flatten();
                    keys.all(|(key, value)| item.get(key).is_none_or(|found| found == value))
                };
                declared.as_array().and_then(|items| items.iter().find(has))
            }
            "v" => {
                let value: Value = serde_json::from_str(name).unwrap_or_default();
                declared
                    .as_array()
                    .and_then(|items| items.iter().find(|item| **item == value))
            }
            _ => None,
        };
        let is_label = path.starts_with(".metadata.labels.applyset.kubernetes.io/part-of");
        match (found, inner.as_object()) {
            (None, _) if is_label => None,
            (None, Some(inner)) if !inner.is_empty() => undeclared(inner, &Value::Null, &path),
            (None, _) => Some(path),
            (Some(found), Some(inner)) => undeclared(inner, found, &path),
            (Some(_), None) => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn live(manager: &str, operation: &str, data: Value) -> Value {
        json!({
            "metadata": {"managedFields": [
                {"manager": "tidegate", "operation": "Apply", "fieldsV1": {
                    "f:metadata": {"f:labels": {"f:applyset.kubernetes.io/part-of": {}}},
                    "f:data": {"f:a": {}},
                }},
                {"manager": manager, "operation": operation, "fieldsV1": {"f:data": {".": {}, "f:b": {}}}},
            ]},
            "data": data,
        })
    }

    #[test]
    fn what_lacks_differs_or_was_added_by_a_person_is_a_difference() {
        let declared = json!({"data": {"a": "1"}});
        let both = json!({"a": "1", "b": "2"});
        assert_eq!(difference(&declared, &live("operator", "Update", both.clone())), None);
        let added = difference(&declared, &live("kubectl-edit", "Update", both));
        assert_eq!(
            added.as_deref(),
            Some(".data.b is not declared, and kubectl-edit owns it")
        );
        let changed = difference(&declared, &live("operator", "Update", json!({"a": "3"})));
        assert_eq!(changed.as_deref(), Some(".data.a is \"3\", and \"1\" is declared"));
        let gone = difference(&declared, &live("operator", "Update", json!({})));
        assert_eq!(gone.as_deref(), Some(".data.a is missing"));
    }
}
