use crate::manifest::kustomization::{Operation, Patch, PatchBody, Target};
use crate::manifest::yaml::cursor::Cursor;
use crate::manifest::yaml::{parse, tree};
use serde_json::Value;

/// The patches that kustomize applies first: `patchesStrategicMerge` and `patches`.
pub(crate) fn patches(kustomization: &Cursor<'_>) -> Vec<Patch> {
    let merged = kustomization.items_at("patchesStrategicMerge").into_iter();
    let merged = merged.filter_map(|item| {
        let text = item.text()?;
        let is_file = !text.contains('\n') && !text.contains(": ");
        Some(Patch {
            position: item.position(),
            inline: if is_file { PatchBody::default() } else { body(&text) },
            file: is_file.then_some(text),
            target: None,
            renames: false,
        })
    });
    merged.chain(with_targets(kustomization, "patches")).collect()
}

/// The patches of `patchesJson6902`, which kustomize applies after names and labels.
pub(crate) fn late_patches(kustomization: &Cursor<'_>) -> Vec<Patch> {
    with_targets(kustomization, "patchesJson6902").collect()
}

fn with_targets(kustomization: &Cursor<'_>, key: &str) -> impl Iterator<Item = Patch> {
    let items = kustomization.items_at(key).into_iter();
    items.filter_map(|item| {
        let file = item.text_at("path");
        let inline = item.key("patch").and_then(|patch| patch.text());
        let inline = inline.filter(|_| file.is_none());
        let allows = |option: &str| {
            let value = item.walk(&["options", option]);
            value.is_some_and(|value| value.written() == Some("true"))
        };
        (file.is_some() || inline.is_some()).then(|| Patch {
            position: item.position(),
            file,
            target: item
                .key("target")
                .filter(Cursor::is_mapping)
                .map(|cursor| target(&cursor)),
            inline: inline.as_deref().map(body).unwrap_or_default(),
            renames: allows("allowNameChange") || allows("allowKindChange"),
        })
    })
}

/// The objects that a target or a selector names.
pub(crate) fn target(cursor: &Cursor<'_>) -> Target {
    Target {
        group: cursor.text_at("group"),
        version: cursor.text_at("version"),
        kind: cursor.text_at("kind"),
        name: cursor.text_at("name"),
        namespace: cursor.text_at("namespace"),
        labels: cursor.text_at("labelSelector"),
        annotations: cursor.text_at("annotationSelector"),
    }
}

/// A patch within a kustomization.
fn body(text: &str) -> PatchBody {
    let trees = parse::parse(text).ok().and_then(|events| tree::build(events).ok());
    let Some(trees) = trees else {
        return PatchBody {
            is_unreadable: true,
            ..PatchBody::default()
        };
    };
    let mut body = PatchBody::default();
    for root in trees.iter().map(Cursor::root).filter(|root| !root.is_null()) {
        if root.is_mapping() {
            match root.json(&mut Vec::new()) {
                Ok(part) => body.parts.push(part),
                Err(_) => body.is_unreadable = true,
            }
        } else if body.operations.is_empty() && root.is_sequence() {
            body.operations = operations(&root);
        } else {
            body.is_unreadable = true;
        }
    }
    body
}

/// The operations (RFC 6902) of a list; none if the list has another item.
pub(crate) fn operations(root: &Cursor<'_>) -> Vec<Operation> {
    let operations = root.items().into_iter().map(|item| {
        let text = |key: &str| item.key(key).and_then(|cursor| cursor.text());
        Some(Operation {
            op: text("op")?,
            path: text("path")?,
            from: text("from"),
            value: item
                .key("value")
                .map_or(Ok(Value::Null), |value| value.json(&mut Vec::new()))
                .ok()?,
        })
    });
    operations.collect::<Option<Vec<_>>>().unwrap_or_default()
}
