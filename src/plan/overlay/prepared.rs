use super::images::Entry;
use super::index::{Overlay, OverlayIndex, join};
use super::mark::{has_edge, has_no_images, mark_all, mark_pod, mark_rest, marks};
use super::object::{Identity, Object, automation_annotations, is_release};
use super::release;
use super::select::Selector;
use super::settings::is_setting;
use super::sources::{Source, Sources};
use crate::manifest::{Document, ImageField, Kustomization, NotEvaluated, Operation, Patch};
use crate::model::{FieldName, RepoPath};
use crate::resource::value_weight;
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
    pub(super) not_evaluated: Vec<(&'a NotEvaluated, Option<Selector<'a>>)>,
}

/// A patch. It has either parts or operations.
pub(super) struct PreparedPatch<'a> {
    pub(super) patch: &'a Patch,
    /// The objects that the patch is for; `None` if its parts name them.
    pub(super) selector: Option<Selector<'a>>,
    /// The file, or the position of a patch within the kustomization, for messages.
    pub(super) location: String,
    pub(super) parts: Vec<Part>,
    pub(super) operations: Operations,
    /// Why the patch cannot be read, if it cannot.
    pub(super) unread: Option<String>,
}

impl PreparedPatch<'_> {
    /// The sources of the images that the patch sets.
    pub(super) fn sources(&self) -> impl Iterator<Item = usize> {
        let of_part = |part: &Part| -> Vec<usize> {
            match is_release(&part.value) {
                true => release::images(&part.value)
                    .iter()
                    .filter_map(|image| image.source)
                    .collect(),
                false => marks(&part.value).into_iter().collect(),
            }
        };
        self.parts.iter().flat_map(of_part)
    }
}

/// Operations with marks. HelmReleases have others than workloads.
#[derive(Default)]
pub(super) struct Operations {
    pub(super) workload: Vec<Operation>,
    pub(super) release: Vec<Operation>,
}

/// A part of an object (strategic merge).
pub(super) struct Part {
    pub(super) identity: Identity,
    pub(super) value: Rc<Value>,
    /// About how many bytes of memory the value takes.
    pub(super) weight: usize,
}

const INSTEAD: &str =
    "write the tag in the overlay's images, or the patch as a part of the object in a file of its own";

impl<'a> Prepared<'a> {
    pub(super) fn new(index: &OverlayIndex<'a>, sources: &mut Sources<'a>) -> Self {
        let used = used_files(index);
        let mut files = BTreeMap::new();
        for (path, file) in index.files.iter().filter(|(path, _)| used.contains(*path)) {
            let documents = file.documents.iter();
            let mut objects = Vec::new();
            for document in documents.filter(|document| !has_no_images(document)) {
                let value = document.object.value.value();
                if !is_confusing(&value) && sources.copy(document.object.value.unpacked_weight()) {
                    objects.push(object(path, document, value, sources));
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
                let source = sources.add(match &entry.tag_suffix {
                    None => Source::Entry { overlay: at, entry },
                    Some(suffix) => Source::NotEditable {
                        path: overlay.path,
                        position: entry.position,
                        reason: format!(
                            "{}:{}: the tagSuffix {suffix:?} is the whole tag of an image without one; write newTag in place of it",
                            overlay.path, entry.position
                        ),
                    },
                });
                Entry::new(entry, source)
            });
            let not_evaluated = overlay.kustomization.not_evaluated.iter();
            let not_evaluated = not_evaluated.filter(|part| !is_setting(part.key));
            let not_evaluated = not_evaluated.map(|part| (part, part.target.as_ref().map(Selector::new)));
            PreparedOverlay {
                images: images.collect(),
                not_evaluated: not_evaluated.collect(),
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

/// Whether a value has texts that look like marks.
fn is_confusing(value: &Value) -> bool {
    has_edge(value) || is_release(value) && release::has_mark(value)
}

/// An object of a file, with marks in place of the tags that can be edited there.
fn object<'a>(path: &'a RepoPath, document: &'a Document, mut value: Value, sources: &mut Sources<'a>) -> Object<'a> {
    let written = automation_annotations(&value).into();
    let fields = document.images.iter().map(|image| {
        let source = sources.add(Source::Field { path, document, image });
        (image.field.clone(), (image, source))
    });
    let fields: BTreeMap<FieldName, (&ImageField, usize)> = fields.collect();
    if is_release(&value) {
        for (image, source) in fields.values() {
            release::mark_field(&mut value, image, *source);
        }
    } else {
        mark_containers(path, &mut value, &fields, sources);
    }
    Object {
        value: Rc::new(value),
        weight: document.object.value.unpacked_weight(),
        former: Vec::new(),
        path,
        document,
        written,
        is_merged: false,
        refusal: None,
    }
}

fn mark_containers(
    path: &RepoPath,
    value: &mut Value,
    fields: &BTreeMap<FieldName, (&ImageField, usize)>,
    sources: &mut Sources<'_>,
) {
    let mut seen = Vec::new();
    mark_pod(value, &mut |name| {
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

fn prepared_patch<'a>(
    index: &OverlayIndex<'a>,
    overlay: &Overlay<'a>,
    patch: &'a Patch,
    files: &BTreeMap<&'a RepoPath, Vec<Object<'a>>>,
    sources: &mut Sources<'a>,
) -> PreparedPatch<'a> {
    let mut prepared = PreparedPatch {
        patch,
        selector: patch.target.as_ref().map(Selector::new),
        location: format!("{}:{}", overlay.path, patch.position),
        parts: Vec::new(),
        operations: Operations::default(),
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
        let values = patch.inline.parts.iter().filter(|part| !is_confusing(part));
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
    let elsewhere = not_editable(format!(
        "{location}: {path} sets the image where an object of the kind that is written there has none; write the kind of the \
         object that the patch is for, or {INSTEAD}"
    ));
    let objects = files.get(path).into_iter().flatten();
    prepared.parts = objects
        .map(|object| Part {
            identity: object.identity(),
            value: with_all_marks(object, incomplete, elsewhere),
            weight: object.weight,
        })
        .collect();
    prepared
}

/// The value of a part, with marks in place of all tags. A value that has them already is not copied.
fn with_all_marks(object: &Object<'_>, incomplete: usize, elsewhere: usize) -> Rc<Value> {
    let mut value = Value::clone(&object.value);
    match object.is_release() {
        true => release::mark_rest(&mut value, incomplete),
        false => mark_rest(&mut value, elsewhere),
    }
    match value == *object.value {
        true => Rc::clone(&object.value),
        false => Rc::new(value),
    }
}

fn inline_part(value: &Value, source: usize) -> Part {
    let mut value = value.clone();
    match is_release(&value) {
        true => release::mark_rest(&mut value, source),
        false => mark_rest(&mut value, source),
    }
    Part {
        identity: Identity::of(&value),
        weight: value_weight(&value),
        value: Rc::new(value),
    }
}

/// Operations with marks, for workloads and for HelmReleases.
fn operations(operations: &[Operation], source: usize) -> Operations {
    let is_known = |operation: &&Operation| !has_edge(&operation.value) && !release::has_mark(&operation.value);
    let mut marked = Operations::default();
    for operation in operations.iter().filter(is_known) {
        let (mut workload, mut values) = (operation.clone(), operation.clone());
        let is_image = operation.path.ends_with("/image") || operation.path.ends_with("/image/reference");
        if operation.op != "test" {
            mark_all(&mut workload.value, is_image, &mut || source);
            release::mark_at(&operation.path, &mut values.value, source);
        }
        marked.workload.push(workload);
        marked.release.push(values);
    }
    marked
}
