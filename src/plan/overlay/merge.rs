use super::object::Identity;
use crate::resource::pod_spec_path;
use serde_json::{Map, Value};

/// What a directive of a strategic merge patch asks for.
const DIRECTIVE: &str = "$patch";
/// The lists of a pod spec whose items kustomize merges by their names. Its other lists hold no images.
const BY_NAME: [&str; 4] = ["containers", "initContainers", "ephemeralContainers", "volumes"];
/// The built-in kinds with pod specs, with their API versions, of which kustomize knows the types of the lists.
const BUILT_IN: [(&str, &str, &str); 10] = [
    ("", "v1", "Pod"),
    ("", "v1", "PodTemplate"),
    ("", "v1", "ReplicationController"),
    ("apps", "v1", "DaemonSet"),
    ("apps", "v1", "Deployment"),
    ("apps", "v1", "ReplicaSet"),
    ("apps", "v1", "StatefulSet"),
    ("batch", "v1", "CronJob"),
    ("batch", "v1beta1", "CronJob"),
    ("batch", "v1", "Job"),
];

/// Merges a part of an object into the object, as kustomize does it: maps are merged key by key, `null` removes a key, and
/// lists of containers and volumes are merged by name, those of the patch first. Every other list is replaced, and so is each
/// list of a kind that is not built in, directives included. Of the items of one name that the object has, kustomize keeps the
/// last in the place of the first, also where the patch has nothing for their list. Returns false if the patch deletes the object.
pub(super) fn merge(object: &mut Value, patch: &Value, identity: &Identity) -> bool {
    let lists = if BUILT_IN.contains(&(&identity.group, &identity.version, &identity.kind)) {
        Lists::ByName
    } else {
        Lists::Replaced
    };
    match directive(patch) {
        Some("delete") => return false,
        Some("replace") => *object = without_directives(patch),
        _ => map(object, patch, lists),
    }
    if lists == Lists::ByName {
        one_item_for_each_name(object, &identity.kind);
    }
    true
}

/// Keeps, of the items of one name in the lists of a pod spec, the last in the place of the first.
fn one_item_for_each_name(object: &mut Value, kind: &str) {
    let mut keys = pod_spec_path(kind).iter();
    let Some(spec) = keys.try_fold(object, |value, key| value.get_mut(key)) else {
        return;
    };
    for list in BY_NAME {
        let Some(items) = spec.get_mut(list).and_then(Value::as_array_mut) else {
            continue;
        };
        let mut kept: Vec<Value> = Vec::with_capacity(items.len());
        for item in std::mem::take(items) {
            let name = item.get("name");
            match kept.iter_mut().find(|kept| name.is_some() && kept.get("name") == name) {
                Some(kept) => *kept = item,
                None => kept.push(item),
            }
        }
        *items = kept;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lists {
    ByName,
    Replaced,
}

fn directive(value: &Value) -> Option<&str> {
    value.get(DIRECTIVE)?.as_str()
}

fn map(object: &mut Value, patch: &Value, lists: Lists) {
    let Value::Object(patch) = patch else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Value::Object(object) = object else { return };
    for (key, value) in patch.iter().filter(|(key, _)| !key.starts_with('$')) {
        match value {
            Value::Null => {
                object.remove(key);
            }
            Value::Object(_) => field(object, key, value, lists),
            Value::Array(items) => {
                let merged = match object.get_mut(key) {
                    Some(Value::Array(old)) if lists == Lists::ByName && BY_NAME.contains(&&**key) => {
                        by_name(old, items)
                    }
                    _ if lists == Lists::ByName && BY_NAME.contains(&&**key) => new_list(items),
                    _ => items.clone(),
                };
                object.insert(key.clone(), Value::Array(merged));
            }
            scalar => {
                object.insert(key.clone(), scalar.clone());
            }
        }
    }
}

fn field(object: &mut Map<String, Value>, key: &str, value: &Value, lists: Lists) {
    match (directive(value), object.get_mut(key)) {
        (Some("delete"), _) => {
            object.remove(key);
        }
        (Some("replace"), _) => {
            object.insert(key.to_owned(), without_directives(value));
        }
        (_, Some(old)) if old.is_object() => map(old, value, lists),
        _ => {
            object.insert(key.to_owned(), without_directives(value));
        }
    }
}

/// A list where the object has none. Of a list with a directive for the whole of it, kustomize leaves the directive alone.
fn new_list(items: &[Value]) -> Vec<Value> {
    let is_whole = |item: &&Value| item.get("name").is_none() && directive(item).is_some();
    let whole: Vec<Value> = items.iter().filter(is_whole).cloned().collect();
    match whole.is_empty() {
        true => items
            .iter()
            .filter(|item| directive(item) != Some("delete"))
            .map(without_directives)
            .collect(),
        false => whole,
    }
}

/// Merges lists by the names of their items. A directive without a name is for the whole list. Of the items of one name in the
/// patch, the first counts. Where the old list has several items of the name, the last of them stays as it is.
fn by_name(old: &mut Vec<Value>, patch: &[Value]) -> Vec<Value> {
    let is_whole = |item: &&Value| item.get("name").is_none();
    let whole = patch.iter().filter(is_whole).find_map(directive);
    match whole {
        Some("delete") => return Vec::new(),
        Some("replace") => {
            let items = patch.iter().filter(|item| directive(item).is_none());
            return items.map(without_directives).collect();
        }
        _ => {}
    }
    let mut merged = Vec::new();
    for (at, item) in patch.iter().enumerate() {
        let name = item.get("name");
        let is_named = |other: &Value| name.is_some() && other.get("name") == name;
        if patch[..at].iter().any(is_named) {
            continue;
        }
        let mut bases: Vec<Value> = old.extract_if(.., |old| is_named(old)).collect();
        let mut base = bases.pop();
        match (directive(item), &mut base) {
            (Some("delete"), _) => continue,
            (_, Some(base)) if !bases.is_empty() => merged.push(base.take()),
            // kustomize does not replace an item that is there already.
            (Some("replace"), Some(base)) => merged.push(base.take()),
            (_, None) => merged.push(without_directives(item)),
            (_, Some(base)) => {
                map(base, item, Lists::ByName);
                merged.push(base.take());
            }
        }
    }
    merged.append(old);
    merged
}

/// A part of a patch that has nothing to be merged with.
fn without_directives(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let entries = map
                .iter()
                .filter(|(key, value)| !key.starts_with('$') && !value.is_null());
            Value::Object(
                entries
                    .map(|(key, value)| (key.clone(), without_directives(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(without_directives).collect()),
        scalar => scalar.clone(),
    }
}
