use super::images::Entry;
use super::index::{Overlay, OverlayIndex, join};
use super::mark::{has_edge, has_no_images, mark_all, mark_pod};
use super::object::{Identity, Object};
use super::sources::{Source, Sources};
use crate::manifest::{Document, Kustomization, Operation, Patch, value_weight};
use crate::model::{FieldName, RepoPath};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What the files and kustomizations hold, with marks in place of tags.
pub(super) struct Prepared<'a> {
    /// The objects of each file.
    pub(super) files: BTreeMap<&'a RepoPath, Vec<Object<'a>>>,
    /// The parts of each kustomization.
    pub(super) overlays: Vec<PreparedOverlay<'a>>,
}

/// The parts of a kustomization.
pub(super) struct PreparedOverlay<'a> {
    pub(super) patches: Vec<PreparedPatch<'a>>,
    pub(super) late_patches: Vec<PreparedPatch<'a>>,
    pub(super) images: Vec<Entry<'a>>,
}

/// A patch. It has either parts or operations.
pub(super) struct PreparedPatch<'a> {
    pub(super) patch: &'a Patch,
    /// The file, or the position of a patch within the kustomization, for messages.
    pub(super) location: String,
    pub(super) parts: Vec<Part>,
    pub(super) operations: Vec<Operation>,
    /// Why the patch cannot be read, if it cannot.
    pub(super) unread: Option<String>,
}

/// A part of an object (strategic merge).
pub(super) struct Part {
    pub(super) identity: Identity,
    pub(super) value: Rc<Value>,
    /// About how many bytes of memory the value takes.
    pub(super) weight: usize,
    /// The image fields that the part sets whole, if it is one of a HelmRelease.
    pub(super) release: BTreeMap<FieldName, (String, usize)>,
    /// The source of images that the part of a HelmRelease sets in part.
    pub(super) incomplete: usize,
}

const INSTEAD: &str =
    "write the tag in the overlay's images, or the patch as a part of the object in a file of its own";

impl<'a> Prepared<'a> {
    pub(super) fn new(index: &OverlayIndex<'a>, sources: &mut Sources<'a>) -> Self {
        let used = used_files(index);
        let mut files = BTreeMap::new();
        for (path, file) in index.files.iter().filter(|(path, _)| used.contains(*path)) {
            let documents = file.documents.iter();
            let documents = documents.filter(|document| !has_no_images(document) && !has_edge(&document.object.value));
            let mut objects = Vec::new();
            for document in documents {
                if sources.copy(document.weight()) {
                    objects.push(object(path, document, sources));
                }
            }
            files.insert(*path, objects);
        }
        let overlays = index.overlays.iter().enumerate();
        let overlays = overlays.map(|(at, overlay)| {
            let mut patches = |patches: &'a [Patch]| -> Vec<PreparedPatch<'a>> {
                patches
                    .iter()
                    .map(|patch| prepared_patch(index, overlay, patch, &files, sources))
                    .collect()
            };
            let (early, late) = (
                patches(&overlay.kustomization.patches),
                patches(&overlay.kustomization.late_patches),
            );
            let entries = overlay.kustomization.images.iter();
            let images = entries.filter_map(|entry| {
                let source = sources.add(Source::Entry { overlay: at, entry });
                Entry::new(entry, source)
            });
            PreparedOverlay {
                images: images.collect(),
                patches: early,
                late_patches: late,
            }
        });
        let overlays = overlays.collect();
        Self { files, overlays }
    }
}

/// The files that kustomizations name. Of no other file is anything built, and none is copied.
fn used_files(index: &OverlayIndex<'_>) -> BTreeSet<RepoPath> {
    let overlays = index.overlays.iter();
    let files = overlays.flat_map(|overlay| {
        let Kustomization {
            resources,
            patches,
            late_patches,
            ..
        } = overlay.kustomization;
        let patches = patches.iter().chain(late_patches);
        let names = resources.iter().chain(patches.filter_map(|patch| patch.file.as_ref()));
        names.filter_map(|name| join(&overlay.path.parent(), name))
    });
    files.collect()
}

/// An object of a file, with marks in place of the tags that can be edited there.
fn object<'a>(path: &'a RepoPath, document: &'a Document, sources: &mut Sources<'a>) -> Object<'a> {
    let mut fields: BTreeMap<FieldName, (String, usize)> = BTreeMap::new();
    for image in &document.images {
        let source = sources.add(Source::Field { path, document, image });
        let name = image.image.name().to_owned();
        fields.insert(image.field.clone(), (name, source));
    }
    let mut value = document.object.value.clone();
    let is_release = document.object.id.kind == "HelmRelease";
    let mut seen = Vec::new();
    if !is_release {
        mark_pod(&mut value, &mut |name| {
            let (_, source) = fields.get(&FieldName(name.to_owned()))?;
            if seen.contains(&name.to_owned()) {
                sources.refuse(*source, || {
                    format!("{path} has two containers with the name {name}; give them different names")
                });
            }
            seen.push(name.to_owned());
            Some(*source)
        });
    }
    Object {
        value: Rc::new(value),
        weight: document.weight(),
        former: Vec::new(),
        path,
        document,
        release: if is_release { fields } else { BTreeMap::new() },
        refusal: None,
    }
}

fn prepared_patch<'a>(
    index: &OverlayIndex<'a>,
    overlay: &Overlay<'a>,
    patch: &'a Patch,
    files: &BTreeMap<&'a RepoPath, Vec<Object<'a>>>,
    sources: &mut Sources<'a>,
) -> PreparedPatch<'a> {
    let mut prepared = PreparedPatch {
        patch,
        location: format!("{}:{}", overlay.path, patch.position),
        parts: Vec::new(),
        operations: Vec::new(),
        unread: None,
    };
    let location = prepared.location.clone();
    let mut not_editable = |reason: String| {
        sources.add(Source::NotEditable {
            path: overlay.path,
            position: patch.position,
            reason,
        })
    };
    let Some(named) = &patch.file else {
        let here = not_editable(format!(
            "{location}: the patch here sets the image, and a patch inside a kustomization is not edited; {INSTEAD}"
        ));
        if patch.inline.is_unreadable {
            prepared.unread = Some(format!("{location}: the patch here cannot be read; correct it"));
        }
        let values = patch.inline.parts.iter().filter(|part| !has_edge(part));
        prepared.parts = values.map(|value| inline_part(value, here)).collect();
        prepared.operations = operations(&patch.inline.operations, here);
        return prepared;
    };
    let path = join(&overlay.path.parent(), named);
    let Some((path, file)) = path.as_ref().and_then(|path| index.files.get_key_value(path)) else {
        prepared.unread = Some(format!(
            "{location}: the patch {named} is not read, so that nobody knows whether it sets the image; keep it in the \
             repository as a .yaml or .json file"
        ));
        return prepared;
    };
    if file.is_incomplete {
        prepared.unread = Some(format!("{location}: the patch {path} cannot be read; correct it"));
    }
    if !file.operations.is_empty() {
        let there = not_editable(format!(
            "{location}: {path} sets the image by a JSON pointer, which is not followed; {INSTEAD}"
        ));
        prepared.operations = operations(file.operations, there);
    }
    let incomplete = not_editable(format!(
        "{location}: {path} sets a part of the image, which is not followed; write the whole image there, or {INSTEAD}"
    ));
    let objects = files.get(path).into_iter().flatten();
    prepared.parts = objects
        .map(|object| Part {
            identity: object.identity(),
            value: Rc::clone(&object.value),
            weight: object.weight,
            release: object.release.clone(),
            incomplete,
        })
        .collect();
    prepared
}

fn inline_part(value: &Value, source: usize) -> Part {
    let mut value = value.clone();
    mark_pod(&mut value, &mut |_| Some(source));
    Part {
        identity: Identity::of(&value),
        weight: value_weight(&value),
        value: Rc::new(value),
        release: BTreeMap::new(),
        incomplete: source,
    }
}

fn operations(operations: &[Operation], source: usize) -> Vec<Operation> {
    let known = operations.iter().filter(|operation| !has_edge(&operation.value));
    let marked = known.map(|operation| {
        let mut operation = operation.clone();
        let is_image = operation.path.ends_with("/image") || operation.path.ends_with("/image/reference");
        if operation.op != "test" {
            mark_all(&mut operation.value, is_image, &mut || source);
        }
        operation
    });
    marked.collect()
}
