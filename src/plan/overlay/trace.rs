use super::index::{Overlay, OverlayIndex};
use crate::manifest::{Document, ImageField, ImagePatch, Patch};
use crate::model::{FieldId, FieldName, ObjectId, RepoPath};
use crate::plan::field::AutomatedField;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The deepest chain of overlays that is followed. Real repositories have three or four levels.
const DEEPEST: usize = 32;

/// What sets the tag of an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TagSource {
    Base,
    /// An entry of `images` in a kustomization.
    Entry(usize, String),
    /// A patch: a part of the object in a file of its own.
    Patch(RepoPath, ObjectId),
    /// Something that is not edited, with the reason.
    NotEditable(String),
}

/// The way of one field's image up the overlays.
pub(super) struct OverlayTrace<'a> {
    pub(super) index: &'a OverlayIndex<'a>,
    pub(super) folders: &'a BTreeMap<RepoPath, usize>,
    pub(super) above: &'a BTreeMap<usize, Vec<usize>>,
    pub(super) field: &'a AutomatedField,
}

impl OverlayTrace<'_> {
    /// Follows an image from a kustomization up to every kustomization that no other one builds on.
    pub(super) fn up(
        &self,
        at: usize,
        from: (String, TagSource),
        way: &mut Vec<usize>,
        found: &mut BTreeSet<(String, TagSource)>,
    ) {
        let overlays = &self.index.overlays;
        if way.len() >= DEEPEST || way.contains(&at) || found.len() > overlays.len() {
            return;
        }
        let Some(overlay) = overlays.get(at) else { return };
        let (mut name, mut source) = from;
        let folder = overlay.path.parent();
        let components = overlay.kustomization.components.iter();
        let components = components.filter_map(|path| self.folders.get(&join(&folder, path)?).copied());
        for step in components.chain([at]) {
            let Some(overlay) = overlays.get(step) else { continue };
            for patch in &overlay.kustomization.patches {
                if let Some((image, by)) = self.patched(overlay, patch) {
                    name = image.unwrap_or(name);
                    source = by;
                }
            }
            for entry in &overlay.kustomization.images {
                if entry.name != name || !self.is_in_a_container() {
                    continue;
                }
                if entry.sets_tag {
                    source = TagSource::Entry(step, entry.name.clone());
                }
                if let Some(new) = &entry.new_name {
                    name.clone_from(new);
                }
            }
        }
        way.push(at);
        match self.above.get(&at) {
            None => {
                found.insert((name, source));
            }
            Some(above) => {
                for next in above {
                    self.up(*next, (name.clone(), source.clone()), way, found);
                }
            }
        }
        way.pop();
    }

    /// Whether the field is the image of a container. The `images` of kustomize change no other image.
    fn is_in_a_container(&self) -> bool {
        let field = &self.field.field;
        field.object.kind != "HelmRelease" && !field.field.0.starts_with("volume.")
    }

    /// What a patch does to the image: the new name, if the patch sets one, and the new source. `None` if the patch leaves the
    /// image as it is.
    fn patched(&self, overlay: &Overlay<'_>, patch: &Patch) -> Option<(Option<String>, TagSource)> {
        let own = &self.field.field;
        let is_for = |named: &ObjectId| match &patch.target {
            Some(target) => target.matches(&own.object),
            None => is_same(named, &own.object),
        };
        let location = format!("{}:{}", overlay.path, patch.position);
        let mut last = None;
        for inline in &patch.inline {
            let sets = match inline {
                ImagePatch::Object { object, images, value } if is_for(object) && touches(value, own) => {
                    let image = images.iter().find(|(field, _)| *field == own.field);
                    Some(image.map(|(_, image)| image.name().to_owned()))
                }
                ImagePatch::Operation { pointer } if is_for(&own.object) && self.is_at(pointer) => Some(None),
                _ => None,
            };
            if let Some(name) = sets {
                let reason = format!(
                    "{location}: the patch here sets the image, and a patch inside a kustomization is not edited; {INSTEAD}"
                );
                last = Some((name, TagSource::NotEditable(reason)));
            }
        }
        let file = patch.file.as_ref();
        let Some(path) = file.and_then(|file| join(&overlay.path.parent(), file)) else {
            return last;
        };
        for document in self.index.documents(&path) {
            if !is_for(&document.object.id) || !touches(&document.object.value, own) {
                continue;
            }
            last = Some(match image_of(document, &own.field) {
                Some(image) => {
                    let by = TagSource::Patch(path.clone(), document.object.id.clone());
                    (Some(image.image.name().to_owned()), by)
                }
                None => {
                    let reason = format!(
                        "{location}: {path} sets a part of the image, which is not followed; write the whole image there, or {INSTEAD}"
                    );
                    (None, TagSource::NotEditable(reason))
                }
            });
        }
        let mut operations = self.index.operations.get(&path).copied().unwrap_or_default().iter();
        if operations.any(|pointer| is_for(&own.object) && self.is_at(pointer)) {
            let reason =
                format!("{location}: {path} sets the image by a JSON pointer, which is not followed; {INSTEAD}");
            last = Some((None, TagSource::NotEditable(reason)));
        }
        last
    }

    /// Whether a JSON pointer points to the image of the field.
    fn is_at(&self, pointer: &str) -> bool {
        let own = &self.field.field;
        let mut bases = self.index.documents(&self.field.path).iter();
        let base = bases.find(|document| document.object.id == own.object);
        let container = base
            .zip(pointer.strip_suffix("/image"))
            .and_then(|(document, pointer)| document.object.value.pointer(pointer));
        container
            .and_then(|container| container.get("name"))
            .is_some_and(|name| name == &*own.field.0)
    }
}

const INSTEAD: &str =
    "write the tag in the overlay's images, or the patch as a part of the object in a file of its own";

/// Whether a patch without a target is for an object, by the rules of kustomize. Often only a kustomization sets the namespace.
fn is_same(patch: &ObjectId, object: &ObjectId) -> bool {
    let namespaces = patch.namespace.as_ref().zip(object.namespace.as_ref());
    (&patch.group, &patch.kind, &patch.name) == (&object.group, &object.kind, &object.name)
        && namespaces.is_none_or(|(patch, object)| patch == object)
}

/// Whether a part of an object sets the image of the field, or a part of the image.
fn touches(part: &Value, field: &FieldId) -> bool {
    let name = &*field.field.0;
    if field.object.kind == "HelmRelease" {
        let values = part.pointer("/spec/values");
        let keys: &[&str] = match name {
            "chart-image" => &["image", "tag", "registry"],
            name => &[name],
        };
        return values.is_some_and(|values| keys.iter().any(|key| values.get(key).is_some()));
    }
    let specs = [
        "/spec/template/spec",
        "/spec/jobTemplate/spec/template/spec",
        "/template/spec",
        "/spec",
    ];
    let lists = ["containers", "initContainers", "ephemeralContainers"];
    let mut containers = specs
        .iter()
        .filter_map(|spec| part.pointer(spec))
        .flat_map(|spec| lists.iter().filter_map(|list| spec.get(list)?.as_array()))
        .flatten();
    containers.any(|container| {
        container.get("name").is_some_and(|other| other == name)
            && container.get("image").is_some_and(|image| !image.is_null())
    })
}

pub(super) fn image_of<'a>(document: &'a Document, field: &FieldName) -> Option<&'a ImageField> {
    document.images.iter().find(|image| image.field == *field)
}

/// A relative path from a folder; `None` for URLs and for paths that leave the repository.
pub(super) fn join(folder: &RepoPath, path: &str) -> Option<RepoPath> {
    if path.contains("://") || path.contains('?') || path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.as_str().split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    match &*parts {
        [] => Some(RepoPath::default()),
        parts => RepoPath::parse(&parts.join("/")).ok(),
    }
}
