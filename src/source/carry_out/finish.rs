//! What a Kustomization asks for the objects that it renders.

use super::spec::Carried;
use crate::manifest::{NotSubstituted, Variables, substitute};
use crate::resource::{Ignore, Intent, Object, Packed, Suspended};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The annotation that keeps an object in the cluster when it leaves git.
const PRUNE: (&str, &str) = ("tidegate.dev/prune", "disabled");
/// Flux v2's labels and annotations of single objects.
const OF_FLUX: &str = "kustomize.toolkit.fluxcd.io/";

/// An object as it is applied.
///
/// # Errors
/// Its variables cannot be replaced.
pub(super) fn finished(
    object: &Arc<Object>,
    carried: &Carried,
    variables: Option<&Variables>,
) -> Result<Arc<Object>, NotSubstituted> {
    let substituted = match variables {
        Some(variables) => substitute(object, variables)?,
        None => None,
    };
    let mut object = substituted.unwrap_or_else(|| Object::clone(object));
    let mut value = object.value.value();
    let mut changed = false;
    let metadata = &carried.spec.common_metadata;
    for (entries, all) in [("labels", &metadata.labels), ("annotations", &metadata.annotations)] {
        changed |= set(
            &mut value,
            entries,
            all.iter().map(|(key, text)| (key.as_str(), text.as_str())),
        );
    }
    let name = carried.key.to_string();
    changed |= set(&mut value, "annotations", [(Suspended::ANNOTATION, name.as_str())]);
    let asks = |key: &str| {
        let key = format!("{OF_FLUX}{key}");
        let of = |entries: &str| value.pointer(entries)?.get(&key)?.as_str().map(str::to_owned);
        of("/metadata/annotations").or_else(|| of("/metadata/labels"))
    };
    let (prune, reconcile, ssa, force) = (asks("prune"), asks("reconcile"), asks("ssa"), asks("force"));
    let is = |asked: &Option<String>, word: &str| asked.as_deref() == Some(word);
    if carried.keeps() || is(&prune, "disabled") {
        changed |= set(&mut value, "annotations", [PRUNE]);
        object.intent.keep = true;
    }
    let is_left = carried.spec.suspend || is(&reconcile, "disabled") || is(&ssa, "Ignore") || is(&ssa, "IfNotPresent");
    object.intent = Intent {
        ignore: if is_left { Ignore::Yes } else { object.intent.ignore },
        recreate: object.intent.recreate || carried.spec.force || is(&force, "enabled"),
        ..object.intent
    };
    if changed {
        object.value = Packed::of(&value);
    }
    Ok(Arc::new(object))
}

/// Sets labels or annotations. Returns whether there is one more or another one.
fn set<'a>(value: &mut Value, entries: &str, all: impl IntoIterator<Item = (&'a str, &'a str)>) -> bool {
    let all: BTreeMap<&str, &str> = all.into_iter().collect();
    let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) else {
        return false;
    };
    if all.is_empty() {
        return false;
    }
    let entries = metadata
        .entry(entries)
        .or_insert_with(|| Value::Object(serde_json::Map::new()));
    if entries.is_null() {
        *entries = Value::Object(serde_json::Map::new());
    }
    let Some(entries) = entries.as_object_mut() else {
        return false;
    };
    for (key, text) in all {
        entries.insert(key.to_owned(), Value::from(text));
    }
    true
}
