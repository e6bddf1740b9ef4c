use super::merge::merge;
use super::object::Object;
use super::operations::{self, Failed};
use super::prepared::{Part, PreparedPatch};
use super::sources::Sources;
use std::rc::Rc;

/// Applies a patch to the objects that it is for.
pub(super) fn apply(objects: &mut Vec<Object<'_>>, patch: &PreparedPatch<'_>, sources: &mut Sources<'_>) {
    let selected: Vec<bool> = objects.iter_mut().map(|object| is_selected(object, patch)).collect();
    if let Some(reason) = &patch.unread {
        let objects = objects.iter_mut().zip(&selected);
        return objects
            .filter(|(_, selected)| **selected)
            .for_each(|(object, _)| object.refuse(|| reason.clone()));
    }
    for part in &patch.parts {
        let named: Vec<bool> = match patch.selector {
            Some(_) => selected.clone(),
            None => named(objects, part),
        };
        let mut named = named.into_iter();
        objects.retain_mut(|object| {
            let is_named = named.next().unwrap_or_default();
            let own = if object.is_shared() { object.weight } else { 0 };
            if !is_named || !sources.copy(own + part.weight) {
                return true;
            }
            object.weight += part.weight;
            merge_part(object, patch, part)
        });
    }
    if !patch.operations.workload.is_empty() {
        for (object, _) in objects.iter_mut().zip(&selected).filter(|(_, selected)| **selected) {
            operate(object, patch, sources);
        }
    }
}

/// Whether a patch with a target is for an object. A patch without a target may be for each.
fn is_selected(object: &mut Object<'_>, patch: &PreparedPatch<'_>) -> bool {
    let Some(selector) = &patch.selector else {
        // Operations without a target are an error of kustomize.
        return patch.operations.workload.is_empty();
    };
    selector.selects(object).unwrap_or_else(|reason| {
        object.refuse(|| {
            format!(
                "{}: {reason}, so that nobody knows whether the patch is for it",
                patch.location
            )
        });
        false
    })
}

/// The objects that a part names: those with just its namespace, or else those whose namespace is left open.
fn named(objects: &[Object<'_>], part: &Part) -> Vec<bool> {
    let exact: Vec<bool> = objects.iter().map(|object| object.is_named(&part.identity)).collect();
    if exact.contains(&true) {
        return exact;
    }
    objects
        .iter()
        .map(|object| object.may_be_named(&part.identity))
        .collect()
}

/// Merges a part into an object. False if the part deletes the object.
fn merge_part(object: &mut Object<'_>, patch: &PreparedPatch<'_>, part: &Part) -> bool {
    if patch.patch.renames {
        object.keep_identity();
    }
    let before = object.identity();
    let metadata = |object: &Object<'_>, key: &str| object.value.pointer(key).cloned();
    let kept = ["/metadata/name", "/metadata/namespace"].map(|key| (key, metadata(object, key)));
    object.is_merged |= ["spec", "template"].iter().any(|key| part.value.get(key).is_some());
    let value = Rc::make_mut(&mut object.value);
    let api_version = value.get("apiVersion").cloned();
    if !merge(value, &part.value, &before) {
        return false;
    }
    if let (Some(map), false) = (value.as_object_mut(), patch.patch.renames) {
        map.insert("kind".to_owned(), before.kind.into());
        map.extend(api_version.map(|version| ("apiVersion".to_owned(), version)));
    }
    for (key, old) in kept {
        if key.ends_with("name") && patch.patch.renames {
            continue;
        }
        let key = key.trim_start_matches("/metadata/");
        if let Some(metadata) = object.metadata() {
            match old {
                Some(old) => metadata.insert(key.to_owned(), old),
                None => metadata.remove(key),
            };
        }
    }
    true
}

fn operate(object: &mut Object<'_>, patch: &PreparedPatch<'_>, sources: &mut Sources<'_>) {
    let operations = match object.is_release() {
        true => &patch.operations.release,
        false => &patch.operations.workload,
    };
    object.keep_identity();
    let patched = match operations::apply(&object.value, operations, sources.room()) {
        Ok(patched) => patched,
        // kustomize fails on such a patch and renders nothing.
        Err(Failed::Operation) => return,
        Err(Failed::TooLarge(weight)) => {
            sources.copy(weight);
            return;
        }
    };
    object.weight += patched.added;
    sources.copy(patched.added);
    for source in patched.compared {
        sources.refuse(source, || {
            format!(
                "{}: a test operation here compares the image, so that kustomize would fail after a bump; remove the \
                 operation",
                patch.location
            )
        });
    }
    object.value = Rc::new(patched.value);
}
