use super::merge::merge;
use super::object::Object;
use super::operations::{self, Failed};
use super::prepared::{Part, PreparedPatch};
use super::select::selects;
use super::sources::Sources;
use crate::manifest::Operation;
use serde_json::Value;
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
        let named: Vec<bool> = match patch.patch.target {
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
    if !patch.operations.is_empty() {
        for (object, _) in objects.iter_mut().zip(&selected).filter(|(_, selected)| **selected) {
            operate(object, patch, sources);
        }
    }
}

/// Whether a patch with a target is for an object. A patch without a target may be for each.
fn is_selected(object: &mut Object<'_>, patch: &PreparedPatch<'_>) -> bool {
    let Some(target) = &patch.patch.target else {
        // Operations without a target are an error of kustomize.
        return patch.operations.is_empty();
    };
    selects(target, object).unwrap_or_else(|reason| {
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
    if object.is_release() {
        merge_release(object, part);
    }
    let value = Rc::make_mut(&mut object.value);
    let api_version = value.get("apiVersion").cloned();
    if !merge(value, &part.value, &before.group, &before.kind) {
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

/// The image fields of a HelmRelease after a patch. A field that the patch sets in part is not followed.
fn merge_release(object: &mut Object<'_>, part: &Part) {
    let Some(values) = part.value.pointer("/spec/values") else {
        return;
    };
    for (field, at) in &mut object.release {
        if let Some(whole) = part.release.get(field) {
            *at = whole.clone();
        } else if is_touched(values, &field.0) {
            at.1 = part.incomplete;
        }
    }
}

/// Whether values set the image of a field of a HelmRelease, or a part of the image.
fn is_touched(values: &Value, field: &str) -> bool {
    let keys: &[&str] = match field {
        "chart-image" => &["image", "tag", "registry", "imageTag", "version", "digest"],
        name => &[name],
    };
    keys.iter().any(|key| values.get(key).is_some())
}

fn operate(object: &mut Object<'_>, patch: &PreparedPatch<'_>, sources: &mut Sources<'_>) {
    let is_about_values = |operation: &Operation| {
        let path = &operation.path;
        operation.op != "test" && (path.starts_with("/spec/values") || matches!(&**path, "" | "/spec"))
    };
    if object.is_release() && patch.operations.iter().any(is_about_values) {
        object.refuse(|| {
            format!(
                "{}: the operations here change the values of the HelmRelease and are not followed; write them as a part \
                 of the object in a file of its own",
                patch.location
            )
        });
    }
    object.keep_identity();
    let patched = match operations::apply(&object.value, &patch.operations, sources.room()) {
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
