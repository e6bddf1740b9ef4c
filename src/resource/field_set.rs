//! Sets of fields in the format of `fieldsV1`, the part of a `managedFields` entry that lists what a manager owns.
//!
//! A set is a JSON object. Its keys are path elements: `f:spec` is a field, `k:{"name":"web"}` the item of a list with these
//! keys, `v:"x"` the item of a list with this value, `.` the field or item itself. A leaf is an empty object.

use serde_json::{Map, Value};

/// The elements of a path, as `fieldsV1` writes them: `f:spec`, `k:{"name":"web"}`.
pub type FieldPath = Vec<String>;

/// A field of a live object that no manager owns: the server has set its default, or its owner was forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnownedField {
    /// The path of the field.
    pub path: FieldPath,
    /// The paths of what the field holds, without fields in between. A list counts as a whole.
    pub leaves: Vec<FieldPath>,
    /// The path as API servers write it in messages, with `[*]` for an item of a list: `spec.template.spec.volumes[*].emptyDir`.
    pub shown: String,
    /// Whether the field holds fields itself.
    pub is_object: bool,
}

impl UnownedField {
    /// Whether a refusal of the field `refused` may be due to this field: the refused field is this one, holds it or lies in
    /// it, or is another member of the union that this field belongs to. The server points to the one or to the other.
    pub fn may_cause_refusal_of(&self, refused: &str) -> bool {
        let refused = without_indexes(refused);
        let holds = |outer: &str, inner: &str| {
            let rest = inner.strip_prefix(outer);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let parent = |path: &str| path.rsplit_once('.').map(|(parent, _)| parent.to_owned());
        let is_sibling = self.is_object && parent(&self.shown).is_some() && parent(&self.shown) == parent(&refused);
        holds(&self.shown, &refused) || holds(&refused, &self.shown) || is_sibling
    }
}

/// The fields of a live object that are in none of the sets. Metadata and status are left out.
pub fn unowned_fields(live: &Value, sets: &[&Value]) -> Vec<UnownedField> {
    let mut found = Vec::new();
    let Some(root) = live.as_object() else {
        return found;
    };
    let is_content = |key: &str| !matches!(key, "apiVersion" | "kind" | "metadata" | "status");
    let content: Map<String, Value> = root
        .iter()
        .filter(|(key, _)| is_content(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    walk(&Value::Object(content), sets, &Vec::new(), "", &mut found);
    found
}

fn walk(live: &Value, sets: &[&Value], path: &FieldPath, shown: &str, found: &mut Vec<UnownedField>) {
    let is_leaf = |set: &&Value| set.as_object().is_none_or(Map::is_empty);
    if sets.iter().any(is_leaf) {
        return;
    }
    let below = |element: &str| [path.as_slice(), &[element.to_owned()]].concat();
    match live {
        Value::Object(fields) => {
            for (key, value) in fields {
                let element = format!("f:{key}");
                let owners: Vec<&Value> = sets.iter().filter_map(|set| set.get(&element)).collect();
                let shown = match shown {
                    "" => key.clone(),
                    shown => format!("{shown}.{key}"),
                };
                match owners.is_empty() {
                    true => found.push(UnownedField {
                        leaves: leaves(value, below(&element)),
                        path: below(&element),
                        shown,
                        is_object: value.is_object(),
                    }),
                    false => walk(value, &owners, &below(&element), &shown, found),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                let Some(element) = item_element(item, sets) else {
                    continue;
                };
                let owners: Vec<&Value> = sets.iter().filter_map(|set| set.get(element)).collect();
                walk(item, &owners, &below(element), &format!("{shown}[*]"), found);
            }
        }
        _ => {}
    }
}

fn leaves(live: &Value, path: FieldPath) -> Vec<FieldPath> {
    match live {
        Value::Object(fields) if !fields.is_empty() => {
            let below = |key: &String| [path.as_slice(), &[format!("f:{key}")]].concat();
            fields
                .iter()
                .flat_map(|(key, value)| leaves(value, below(key)))
                .collect()
        }
        _ => vec![path],
    }
}

/// The element `k:{…}` of one of the sets that names this item of a list.
fn item_element<'a>(item: &Value, sets: &[&'a Value]) -> Option<&'a str> {
    let elements = sets.iter().filter_map(|set| set.as_object()).flat_map(Map::keys);
    elements.map(String::as_str).find(|element| {
        let keys = element
            .strip_prefix("k:")
            .and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
        keys.is_some_and(|keys| keys.iter().all(|(key, value)| item.get(key) == Some(value)))
    })
}

/// Adds a path to a set.
pub fn add_field(set: &mut Value, path: &[String]) {
    if !set.is_object() {
        *set = Value::Object(Map::new());
    }
    if let (Some((first, rest)), Value::Object(fields)) = (path.split_first(), set) {
        let below = fields.entry(first).or_insert_with(|| Value::Object(Map::new()));
        add_field(below, rest);
    }
}

/// Removes a path from a set, with everything below the path. Returns whether the set had the path.
pub fn remove_field(set: &mut Value, path: &[String]) -> bool {
    let (Some((first, rest)), Value::Object(fields)) = (path.split_first(), set) else {
        return false;
    };
    if rest.is_empty() {
        return fields.remove(first).is_some();
    }
    let Some(below) = fields.get_mut(first) else {
        return false;
    };
    let removed = remove_field(below, rest);
    // An empty object would be a leaf: the whole field.
    if removed && below.as_object().is_some_and(Map::is_empty) {
        fields.remove(first);
    }
    removed
}

/// Whether a set has a path.
pub fn has_field(set: &Value, path: &[&str]) -> bool {
    path.iter().try_fold(set, |set, element| set.get(*element)).is_some()
}

/// The paths of a set that hold no further paths, at most `most` of them.
pub fn leaf_fields(set: &Value, most: usize) -> Vec<FieldPath> {
    fn collect(set: &Value, path: &FieldPath, most: usize, found: &mut Vec<FieldPath>) {
        let below = set
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(element, _)| *element != ".");
        let mut is_leaf = true;
        for (element, set) in below {
            is_leaf = false;
            collect(
                set,
                &[path.as_slice(), std::slice::from_ref(element)].concat(),
                most,
                found,
            );
        }
        if is_leaf && !path.is_empty() && found.len() < most {
            found.push(path.clone());
        }
    }
    let mut found = Vec::new();
    collect(set, &Vec::new(), most, &mut found);
    found
}

/// Whether a manifest declares a field.
pub fn declares(manifest: &Value, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else {
        return !manifest.is_null();
    };
    if let Some(name) = first.strip_prefix("f:") {
        return manifest.get(name).is_some_and(|value| declares(value, rest));
    }
    let items = manifest.as_array().into_iter().flatten();
    let mut named = items.filter(|item| match first.split_once(':') {
        Some(("k", keys)) => has_keys(item, keys),
        Some(("v", value)) => serde_json::from_str::<Value>(value).is_ok_and(|value| value == **item),
        _ => false,
    });
    named.any(|item| declares(item, rest))
}

/// Whether an item of a list has these keys. A manifest may leave keys out that have a default.
fn has_keys(item: &Value, keys: &str) -> bool {
    let keys = serde_json::from_str::<Map<String, Value>>(keys).unwrap_or_default();
    let mut known = keys
        .iter()
        .filter(|(key, _)| item.get(key.as_str()).is_some())
        .peekable();
    known.peek().is_some() && known.all(|(key, value)| item.get(key.as_str()) == Some(value))
}

/// A path for people: `spec.template.spec.containers[app].image`.
pub fn show_field(path: &[String]) -> String {
    let mut text = String::new();
    for element in path {
        match element.split_once(':') {
            Some(("f", name)) if text.is_empty() => text.push_str(name),
            Some(("f", name)) => text.push_str(&format!(".{name}")),
            Some(("k", keys)) => {
                let keys = serde_json::from_str::<Map<String, Value>>(keys).unwrap_or_default();
                let values: Vec<String> = keys.values().map(plain).collect();
                text.push_str(&format!("[{}]", values.join("/")));
            }
            Some((_, value)) => text.push_str(&format!("[{value}]")),
            None => {}
        }
    }
    text
}

/// A value as people write it: a text without quotation marks.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `spec.ports[0].nodePort` → `spec.ports[*].nodePort`.
fn without_indexes(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('[') {
        text.push_str(before);
        text.push_str("[*]");
        rest = after.split_once(']').map_or("", |(_, rest)| rest);
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn path(elements: &[&str]) -> FieldPath {
        elements.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_no_manager_owns_is_found_at_any_depth() {
        let live = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "uid": "u"}, "status": {"replicas": 1},
            "spec": {
                "replicas": 3,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}},
                "template": {"spec": {
                    "containers": [{"name": "app", "image": "a", "args": ["x"], "env": [{"name": "E", "value": "1"}]}],
                    "volumes": [{"name": "data", "emptyDir": {}}],
                }},
            },
        });
        let ours = json!({"f:spec": {
            "f:strategy": {"f:type": {}},
            "f:template": {"f:spec": {
                "f:containers": {"k:{\"name\":\"app\"}": {".": {}, "f:name": {}, "f:image": {}, "f:args": {}}},
                "f:volumes": {"k:{\"name\":\"data\"}": {".": {}, "f:name": {}}},
            }},
        }});
        let theirs = json!({"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:containers": {
            "k:{\"name\":\"app\"}": {"f:env": {"k:{\"name\":\"E\"}": {}}}}}}}});
        let found = unowned_fields(&live, &[&ours, &theirs]);
        let shown: Vec<&str> = found.iter().map(|field| field.shown.as_str()).collect();
        assert_eq!(
            shown,
            ["spec.strategy.rollingUpdate", "spec.template.spec.volumes[*].emptyDir"]
        );
        let volumes = [
            "f:spec",
            "f:template",
            "f:spec",
            "f:volumes",
            "k:{\"name\":\"data\"}",
            "f:emptyDir",
        ];
        assert_eq!(
            (&found[1].path, &found[1].leaves),
            (&path(&volumes), &vec![path(&volumes)])
        );
        assert_eq!(
            found[0].leaves,
            [path(&["f:spec", "f:strategy", "f:rollingUpdate", "f:maxSurge"])]
        );
        let shown: Vec<String> = unowned_fields(&live, &[])
            .into_iter()
            .map(|field| field.shown)
            .collect();
        assert_eq!(shown, ["spec"]);
    }

    #[test]
    fn a_refusal_points_to_the_defaulted_member_or_to_the_new_one() {
        let field = |shown: &str, is_object| UnownedField {
            path: Vec::new(),
            leaves: Vec::new(),
            shown: shown.to_owned(),
            is_object,
        };
        let rows = [
            ("spec.strategy.rollingUpdate", true, "spec.strategy.rollingUpdate", true),
            ("spec.strategy", true, "spec.strategy.rollingUpdate", true),
            ("spec.v[*].emptyDir", true, "spec.v[0].configMap", true),
            ("spec.v[*].emptyDir.medium", false, "spec.v[3].emptyDir", true),
            (
                "spec.template.spec.dnsPolicy",
                false,
                "spec.template.spec.volumes[0].configMap",
                false,
            ),
            ("spec.strategyType", false, "spec.strategy", false),
            ("spec.replicas", false, "spec.selector", false),
            ("spec.limited", true, "spec.exempt", true),
            ("spec", true, "metadata.name", false),
        ];
        for (shown, is_object, refused, expected) in rows {
            assert_eq!(
                field(shown, is_object).may_cause_refusal_of(refused),
                expected,
                "{shown} {refused}"
            );
        }
    }

    #[test]
    fn the_fields_of_a_set_are_named_and_found_in_a_manifest() {
        let set = json!({"f:spec": {"f:replicas": {}, "f:finalizers": {"v:\"a/b\"": {}}, "f:template": {"f:spec": {"f:containers": {
            "k:{\"name\":\"app\"}": {".": {}, "f:image": {}, "f:ports": {
                "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:hostPort": {}}}}}}}}});
        let fields = leaf_fields(&set, 10);
        let shown: Vec<String> = fields.iter().map(|field| show_field(field)).collect();
        let container = "spec.template.spec.containers[app]";
        assert_eq!(
            shown,
            [
                "spec.finalizers[\"a/b\"]".to_owned(),
                "spec.replicas".to_owned(),
                format!("{container}.image"),
                format!("{container}.ports[80/TCP].hostPort"),
            ]
        );
        assert_eq!(leaf_fields(&set, 2).len(), 2);
        let manifest = json!({"spec": {"replicas": null, "finalizers": ["a/b"], "template": {"spec": {"containers": [
            {"name": "other", "image": "b"}, {"name": "app", "image": "a", "ports": [{"containerPort": 80, "hostPort": 80}]}]}}}});
        let declared: Vec<bool> = fields.iter().map(|field| declares(&manifest, field)).collect();
        assert_eq!(declared, [true, false, true, true]);
        assert!(!declares(&json!({"spec": {}}), &fields[2]));
    }

    #[test]
    fn a_path_is_added_and_removed_without_a_trace() {
        let before = json!({"f:spec": {"f:strategy": {"f:type": {}}, "f:paused": {}}});
        let mut set = before.clone();
        let [rolling, added] = [
            path(&["f:spec", "f:strategy", "f:rollingUpdate"]),
            path(&["f:data", "f:a"]),
        ];
        add_field(&mut set, &rolling);
        add_field(&mut set, &added);
        assert!(has_field(&set, &["f:spec", "f:strategy", "f:rollingUpdate"]));
        assert!(has_field(&set, &["f:spec", "f:strategy", "f:type"]));
        assert!(remove_field(&mut set, &rolling) && remove_field(&mut set, &added));
        assert_eq!(set, before, "no empty object is left: it would mean the whole field");
        assert!(!remove_field(&mut set, &rolling));
    }
}
