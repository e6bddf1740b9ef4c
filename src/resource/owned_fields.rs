use super::field_pattern::{FieldPattern, Segment};
use serde_json::{Map, Value};

/// The item of a list or map itself, beside the fields in it.
const SELF: &str = ".";

/// A set of fields, in the format of `fieldsV1`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct OwnedFields(Map<String, Value>);

impl OwnedFields {
    /// Reads `fieldsV1`. Anything else than an object is an empty set.
    pub fn read(fields: &Value) -> Self {
        Self(fields.as_object().cloned().unwrap_or_default())
    }

    /// The set as `fieldsV1`.
    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }

    /// Whether no field is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields of this set that are not in `other`.
    pub fn without(&self, other: &Self) -> Self {
        Self(subtract(&self.0, &other.0))
    }

    /// Adds all fields of `other`.
    pub fn extend(&mut self, other: &Self) {
        unite(&mut self.0, &other.0);
    }

    /// The fields that a manifest does not declare.
    pub fn undeclared(&self, manifest: &Value) -> Self {
        Self(undeclared(&self.0, manifest))
    }

    /// Removes the field at `path` and all fields in that field.
    pub fn remove(&mut self, path: &FieldPattern) {
        remove(&mut self.0, path.segments());
    }

    /// Whether the field at `path`, or a field in it, is in the set.
    pub fn contains(&self, path: &FieldPattern) -> bool {
        contains(&self.0, path.segments())
    }

    /// The fields that say what an object is to do: everything except metadata, of the object itself and of templates in the
    /// object, and the status.
    pub fn content(&self) -> Self {
        let mut content = self.0.clone();
        content.remove("f:status");
        drop_metadata(&mut content);
        Self(content)
    }

    /// The labels and annotations of the object itself, without the fields that bind the object to others (finalizers,
    /// owner references).
    pub fn marks(&self) -> Self {
        let metadata = self.0.get("f:metadata").and_then(Value::as_object);
        let mut marks: Map<String, Value> = metadata.cloned().unwrap_or_default();
        marks.retain(|key, _| key == "f:labels" || key == "f:annotations");
        let mut set = Map::new();
        if !marks.is_empty() {
            set.insert("f:metadata".to_owned(), Value::Object(marks));
        }
        Self(set)
    }

    /// The paths of the fields, in order, at most `limit`. A list item that is in the set as a whole is one path.
    pub fn paths(&self, limit: usize) -> Vec<String> {
        let mut paths = Vec::new();
        collect(&self.0, &mut String::new(), limit, &mut paths);
        paths
    }
}

fn subtract(from: &Map<String, Value>, other: &Map<String, Value>) -> Map<String, Value> {
    let mut rest = Map::new();
    for (key, value) in from {
        let Some(theirs) = other.get(key) else {
            rest.insert(key.clone(), value.clone());
            continue;
        };
        if let (Some(value), Some(theirs)) = (value.as_object(), theirs.as_object()) {
            let left = subtract(value, theirs);
            if has_fields(&left) {
                rest.insert(key.clone(), Value::Object(left));
            }
        }
    }
    rest
}

fn undeclared(fields: &Map<String, Value>, manifest: &Value) -> Map<String, Value> {
    let mut rest = Map::new();
    for (key, value) in fields.iter().filter(|(key, _)| *key != SELF) {
        let segment = Segment::of_key(key);
        let declared = match manifest {
            Value::Object(object) => segment.name().and_then(|name| object.get(name)),
            Value::Array(items) => items.iter().find(|item| segment.is_item_or_default(item)),
            _ => None,
        };
        match (declared, value.as_object()) {
            (None, _) => drop(rest.insert(key.clone(), value.clone())),
            (Some(declared), Some(inner)) => {
                let inner = undeclared(inner, declared);
                if has_fields(&inner) {
                    rest.insert(key.clone(), Value::Object(inner));
                }
            }
            (Some(_), None) => {}
        }
    }
    rest
}

fn unite(into: &mut Map<String, Value>, other: &Map<String, Value>) {
    for (key, value) in other {
        match (into.get_mut(key).and_then(Value::as_object_mut), value.as_object()) {
            (Some(known), Some(value)) => unite(known, value),
            _ => drop(into.insert(key.clone(), value.clone())),
        }
    }
}

/// A field whose last inner field goes is removed with it.
fn remove(fields: &mut Map<String, Value>, path: &[Segment]) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    fields.retain(|key, value| {
        if !first.matches(key) {
            return true;
        }
        let Some(inner) = value.as_object_mut().filter(|_| !rest.is_empty()) else {
            return !rest.is_empty();
        };
        let had_fields = has_fields(inner);
        remove(inner, rest);
        !had_fields || has_fields(inner)
    });
}

/// Whether there is more than the item itself.
fn has_fields(fields: &Map<String, Value>) -> bool {
    fields.keys().any(|key| key != SELF)
}

fn contains(fields: &Map<String, Value>, path: &[Segment]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return true;
    };
    let mut inner = fields.iter().filter(|(key, _)| first.matches(key));
    inner.any(|(_, value)| rest.is_empty() || value.as_object().is_some_and(|inner| contains(inner, rest)))
}

fn drop_metadata(fields: &mut Map<String, Value>) {
    fields.remove("f:metadata");
    fields.retain(|_, value| {
        let Some(inner) = value.as_object_mut().filter(|inner| has_fields(inner)) else {
            return true;
        };
        drop_metadata(inner);
        has_fields(inner)
    });
}

fn collect(fields: &Map<String, Value>, prefix: &mut String, limit: usize, paths: &mut Vec<String>) {
    for (key, value) in fields.iter().filter(|(key, _)| *key != SELF) {
        if paths.len() >= limit {
            return;
        }
        let length = prefix.len();
        Segment::of_key(key).write(prefix);
        match value.as_object() {
            Some(inner) if !inner.contains_key(SELF) && !inner.is_empty() => collect(inner, prefix, limit, paths),
            _ => paths.push(prefix.clone()),
        }
        prefix.truncate(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(fields: Value) -> OwnedFields {
        OwnedFields::read(&fields)
    }

    #[test]
    fn what_is_left_of_a_set_names_each_field_that_the_other_set_lacks() {
        let theirs = set(json!({"f:spec": {
            "f:paused": {},
            "f:template": {"f:metadata": {"f:annotations": {"f:kubectl.kubernetes.io/restartedAt": {}}},
                "f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {".": {}, "f:image": {},
                    "f:env": {".": {}, "k:{\"name\":\"DEBUG\"}": {".": {}, "f:name": {}, "f:value": {}}}}}}}},
            "f:metadata": {"f:labels": {"f:team": {}}}}));
        let ours = set(json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {
            "k:{\"name\":\"app\"}": {".": {}, "f:name": {}, "f:image": {}}}}}}}));
        let added = theirs.content().without(&ours);
        assert_eq!(
            added.paths(9),
            ["spec.paused", "spec.template.spec.containers[name=app].env"]
        );
        assert_eq!(theirs.marks().paths(9), ["metadata.labels.team"]);
        assert_eq!(added.paths(1).len(), 1);
        let mut all = ours.clone();
        all.extend(&added);
        assert!(theirs.content().without(&all).is_empty());
    }

    #[test]
    fn what_a_manifest_declares_is_found_by_the_keys_of_its_items() {
        let manifest = json!({"spec": {"image": "a", "ports": [{"port": 80}], "args": ["x"], "env": [{"name": "A", "value": "1"}]}});
        let fields = set(json!({"f:spec": {"f:image": {}, "f:args": {}, "f:paused": {},
            "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:name": {}}},
            "f:env": {"k:{\"name\":\"A\"}": {".": {}, "f:value": {}}, "k:{\"name\":\"B\"}": {".": {}, "f:value": {}}}}}));
        let found = fields.undeclared(&manifest).paths(9);
        assert_eq!(
            found,
            [
                "spec.env[name=B]",
                "spec.paused",
                "spec.ports[port=80,protocol=TCP].name"
            ]
        );
    }

    #[test]
    fn a_path_removes_the_field_and_what_is_empty_then() {
        let mut fields = set(json!({"f:spec": {"f:replicas": {}}, "f:data": {"f:a.b": {}, "f:c": {}}}));
        for path in ["spec.replicas", "data[\"a.b\"]", "data.missing"] {
            fields.remove(&FieldPattern::parse(path).unwrap());
        }
        assert_eq!(fields, set(json!({"f:data": {"f:c": {}}})));
        assert!(fields.contains(&FieldPattern::parse("/data/c").unwrap()));
        assert!(!fields.contains(&FieldPattern::parse("/data/d").unwrap()));
    }
}
