use super::{Overlay, OverlayIndex};
use crate::manifest::{Document, ImageField, ImagePatch, Patch};
use crate::model::{FieldId, FieldName, ObjectId, RepoPath};
use crate::plan::AutomatedField;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Overlays on overlays that are followed; real ones have three or four.
const DEEPEST: usize = 32;

/// What says an image's tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TagSource {
    ByBase,
    /// An entry of an overlay's `images`.
    ByEntry(usize, String),
    /// A part of the object in a file of its own.
    ByPatch(RepoPath, ObjectId),
    /// Something that is not edited; why.
    Elsewhere(String),
}

pub(super) struct OverlayTrace<'a> {
    pub index: &'a OverlayIndex<'a>,
    pub folders: &'a BTreeMap<RepoPath, usize>,
    pub above: &'a BTreeMap<usize, Vec<usize>>,
    pub field: &'a AutomatedField,
}

impl OverlayTrace<'_> {
    /// Follows an image from a kustomization to all those that nobody builds on.
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
        let (mut name, mut said) = from;
        let folder = overlay.path.parent();
        let components = overlay.kustomization.components.iter();
        let components = components.filter_map(|path| self.folders.get(&join(&folder, path)?).copied());
        for step in components.chain([at]) {
            let Some(overlay) = overlays.get(step) else { continue };
            for patch in &overlay.kustomization.patches {
                if let Some((image, by)) = self.patched(overlay, patch) {
                    name = image.unwrap_or(name);
                    said = by;
                }
            }
            for entry in &overlay.kustomization.images {
                if entry.name != name || !self.is_in_a_container() {
                    continue;
                }
                if entry.sets_tag {
                    said = TagSource::ByEntry(step, entry.name.clone());
                }
                if let Some(new) = &entry.new_name {
                    name.clone_from(new);
                }
            }
        }
        way.push(at);
        match self.above.get(&at) {
            None => {
                found.insert((name, said));
            }
            Some(above) => {
                for next in above {
                    self.up(*next, (name.clone(), said.clone()), way, found);
                }
            }
        }
        way.pop();
    }

    /// Kustomize's `images` are for the images of containers only.
    fn is_in_a_container(&self) -> bool {
        let field = &self.field.field;
        field.object.kind != "HelmRelease" && !field.field.0.starts_with("volume.")
    }

    /// The image's name after a patch, where it says one, and what says the image then; nothing if it stays.
    fn patched(&self, overlay: &Overlay<'_>, patch: &Patch) -> Option<(Option<String>, TagSource)> {
        let own = &self.field.field;
        let is_for = |named: &ObjectId| match &patch.target {
            Some(target) => target.matches(&own.object),
            None => is_same(named, &own.object),
        };
        let place = format!("{}:{}", overlay.path, patch.position);
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
                    "{place}: the patch here says the image, and a text within the kustomization is not edited; {INSTEAD}"
                );
                last = Some((name, TagSource::Elsewhere(reason)));
            }
        }
        let file = patch.file.as_ref();
        let Some(path) = file.and_then(|file| join(&overlay.path.parent(), file)) else {
            return last;
        };
        for document in self.index.of(&path) {
            if !is_for(&document.object.id) || !touches(&document.object.value, own) {
                continue;
            }
            last = Some(match image_of(document, &own.field) {
                Some(image) => {
                    let by = TagSource::ByPatch(path.clone(), document.object.id.clone());
                    (Some(image.image.name().to_owned()), by)
                }
                None => {
                    let reason = format!(
                        "{place}: {path} says a part of the image, which is not followed; say it whole there, or {INSTEAD}"
                    );
                    (None, TagSource::Elsewhere(reason))
                }
            });
        }
        let mut operations = self.index.operations.get(&path).copied().unwrap_or_default().iter();
        if operations.any(|pointer| is_for(&own.object) && self.is_at(pointer)) {
            let reason =
                format!("{place}: {path} sets the image by its place in the object, which is not followed; {INSTEAD}");
            last = Some((None, TagSource::Elsewhere(reason)));
        }
        last
    }

    /// Whether a JSON pointer leads to the field's image.
    fn is_at(&self, pointer: &str) -> bool {
        let own = &self.field.field;
        let mut bases = self.index.of(&self.field.path).iter();
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

/// As kustomize finds what a patch is for; a namespace is often given by a kustomization only.
fn is_same(patch: &ObjectId, object: &ObjectId) -> bool {
    let namespaces = patch.namespace.as_ref().zip(object.namespace.as_ref());
    (&patch.group, &patch.kind, &patch.name) == (&object.group, &object.kind, &object.name)
        && namespaces.is_none_or(|(patch, object)| patch == object)
}

/// Whether a part of an object says the field's image, or a part of it.
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

/// A relative path from a folder; nothing for addresses and for what leaves the repository.
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
