//! Images of kustomize bases, followed to the file that says them.

#[cfg(test)]
mod tests;
mod trace;

use super::AutomatedField;
use crate::manifest::{Document, Kustomization};
use crate::model::{FieldId, FieldName, ImageRef, RepoPath};
use std::collections::{BTreeMap, BTreeSet};
use trace::{OverlayTrace, TagSource, image_of, join};

/// What lies in folders with a kustomization.
#[derive(Debug, Clone, Default)]
pub struct OverlayIndex<'a> {
    /// The kustomizations.
    pub overlays: Vec<Overlay<'a>>,
    /// The objects and parts of objects in all files.
    pub objects: BTreeMap<&'a RepoPath, Vec<&'a Document>>,
    /// The images that files of operations (RFC 6902) set, as JSON pointers.
    pub operations: BTreeMap<&'a RepoPath, &'a [String]>,
}

impl<'a> OverlayIndex<'a> {
    fn of(&self, path: &RepoPath) -> &[&'a Document] {
        self.objects.get(path).map(Vec::as_slice).unwrap_or_default()
    }

    /// Adds the objects of a file.
    pub fn add(&mut self, path: &'a RepoPath, documents: impl IntoIterator<Item = &'a Document>) {
        self.objects.entry(path).or_default().extend(documents);
    }
}

/// A kustomization, its file, and the document that has its image fields.
#[derive(Debug, Clone, Copy)]
pub struct Overlay<'a> {
    /// Its file.
    pub path: &'a RepoPath,
    /// What it is made of.
    pub kustomization: &'a Kustomization,
    /// Its image fields, named by the image that they are for.
    pub document: &'a Document,
}

/// Where the images of a base's automated fields are really said, on each way from the base's file to a kustomization that
/// nobody builds on: by the last of the entries of `images` with a tag or a digest (kustomize applies them in order, each
/// to what the one before left, components before the kustomization's own) and of the patches that set the image (made
/// before the entries of the same kustomization); by the base itself for a way on which there is none.
///
/// A patch is followed where it is a part of the object in a file of its own. What a patch within the kustomization says, or
/// one of operations, is not edited, and the field's policy is the reason why not.
///
/// A field of a file that no kustomization names is left out: it is a patch or nothing at all. An entry that several
/// workloads share is one field, whose policies must agree.
pub fn through_overlays(fields: Vec<AutomatedField>, index: &OverlayIndex<'_>) -> Vec<AutomatedField> {
    let overlays = &index.overlays;
    let folders: BTreeMap<RepoPath, usize> = overlays
        .iter()
        .enumerate()
        .map(|(at, overlay)| (overlay.path.parent(), at))
        .collect();
    let mut above: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut naming: BTreeMap<RepoPath, Vec<usize>> = BTreeMap::new();
    for (at, overlay) in overlays.iter().enumerate() {
        for resource in &overlay.kustomization.resources {
            let Some(path) = join(&overlay.path.parent(), resource) else {
                continue;
            };
            match folders.get(&path) {
                Some(below) => above.entry(*below).or_default().push(at),
                None => naming.entry(path).or_default().push(at),
            }
        }
    }
    let mut found: BTreeMap<(RepoPath, FieldId), AutomatedField> = BTreeMap::new();
    for field in fields {
        let mut said = BTreeSet::new();
        for start in naming.get(&field.path).into_iter().flatten() {
            let trace = OverlayTrace {
                index,
                folders: &folders,
                above: &above,
                field: &field,
            };
            let begin = (field.image.name().to_owned(), TagSource::ByBase);
            trace.up(*start, begin, &mut Vec::new(), &mut said);
        }
        for (name, said) in said {
            let Some(field) = redirected(&field, &name, said, index) else {
                continue;
            };
            match found.get_mut(&(field.path.clone(), field.field.clone())) {
                None => {
                    found.insert((field.path.clone(), field.field.clone()), field);
                }
                Some(other) => {
                    if other.policy != field.policy {
                        other.policy = Err(format!(
                            "{}:{}: the workloads that get their image here ask for different policies; let them agree",
                            field.path, field.position
                        ));
                    }
                    other.lock = other.lock.take().or(field.lock);
                    other.hold = other.hold.max(field.hold);
                }
            }
        }
    }
    found.into_values().collect()
}

fn redirected(field: &AutomatedField, name: &str, said: TagSource, index: &OverlayIndex<'_>) -> Option<AutomatedField> {
    let named = |image: &ImageRef| {
        let plain = ImageRef::parse(name).ok()?;
        Some(plain.with(image.tag().cloned(), image.digest().cloned()))
    };
    let (path, document, name) = match said {
        TagSource::ByBase => {
            return Some(AutomatedField {
                image: named(&field.image)?,
                ..field.clone()
            });
        }
        TagSource::Elsewhere(reason) => {
            return Some(AutomatedField {
                policy: Err(reason),
                ..field.clone()
            });
        }
        TagSource::ByEntry(at, entry) => {
            let overlay = index.overlays.get(at)?;
            (overlay.path, overlay.document, FieldName(entry))
        }
        TagSource::ByPatch(path, object) => {
            let (path, documents) = index.objects.get_key_value(&path)?;
            let document = documents.iter().find(|document| document.object.id == object)?;
            (*path, *document, field.field.field.clone())
        }
    };
    let image = image_of(document, &name).filter(|image| image.marker.is_none())?;
    Some(AutomatedField {
        path: path.clone(),
        field: FieldId {
            object: document.object.id.clone(),
            field: name,
        },
        image: named(&image.image)?,
        position: image.position,
        policy: field.policy.clone(),
        lock: field.lock.clone(),
        hold: field.hold,
    })
}
