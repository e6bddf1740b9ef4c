use super::index::OverlayIndex;
use super::trace::{OverlayTrace, TagSource, image_of, join};
use crate::model::{FieldId, FieldName, ImageRef, RepoPath};
use crate::plan::field::AutomatedField;
use std::collections::{BTreeMap, BTreeSet};

/// Moves the automated fields of kustomize bases to the files that set their tags. Each way from the base's file up to a
/// kustomization that no other one builds on is followed. On a way the tag comes from the last of these:
/// - an entry of `images` with a tag or a digest. Kustomize applies the entries in order, each to the result of the one
///   before, and the entries of components before those of the kustomization itself;
/// - a patch that sets the image. Kustomize applies patches before the entries of the same kustomization;
/// - the base itself, if there is neither.
///
/// A patch is followed if it is a part of the object in a file of its own. A patch inside the kustomization, or one of
/// operations, is not edited; the field's policy then says why.
///
/// A field of a file that no kustomization names is left out: the file is a patch, or unused. An entry that several workloads
/// share is one field, and the policies of the workloads must agree.
pub(crate) fn through_overlays(fields: Vec<AutomatedField>, index: &OverlayIndex<'_>) -> Vec<AutomatedField> {
    let graph = Graph::new(index);
    let mut found: BTreeMap<(RepoPath, FieldId), AutomatedField> = BTreeMap::new();
    for field in fields {
        let mut sources = BTreeSet::new();
        for start in graph.naming.get(&field.path).into_iter().flatten() {
            let trace = OverlayTrace {
                index,
                folders: &graph.folders,
                above: &graph.above,
                field: &field,
            };
            let begin = (field.image.name().to_owned(), TagSource::Base);
            trace.up(*start, begin, &mut Vec::new(), &mut sources);
        }
        for (name, source) in sources {
            if let Some(field) = redirected(&field, &name, source, index) {
                add(&mut found, field);
            }
        }
    }
    found.into_values().collect()
}

/// Which kustomizations build on which folders and files.
struct Graph {
    /// The kustomization in each folder, by its number.
    folders: BTreeMap<RepoPath, usize>,
    /// The kustomizations that build on each kustomization.
    above: BTreeMap<usize, Vec<usize>>,
    /// The kustomizations that name each file.
    naming: BTreeMap<RepoPath, Vec<usize>>,
}

impl Graph {
    fn new(index: &OverlayIndex<'_>) -> Self {
        let overlays = index.overlays.iter().enumerate();
        let mut graph = Self {
            folders: overlays
                .clone()
                .map(|(at, overlay)| (overlay.path.parent(), at))
                .collect(),
            above: BTreeMap::new(),
            naming: BTreeMap::new(),
        };
        for (at, overlay) in overlays {
            for resource in &overlay.kustomization.resources {
                let Some(path) = join(&overlay.path.parent(), resource) else {
                    continue;
                };
                match graph.folders.get(&path) {
                    Some(below) => graph.above.entry(*below).or_default().push(at),
                    None => graph.naming.entry(path).or_default().push(at),
                }
            }
        }
        graph
    }
}

/// Adds a field. If several workloads get their image there, the fields become one.
fn add(found: &mut BTreeMap<(RepoPath, FieldId), AutomatedField>, field: AutomatedField) {
    match found.get_mut(&(field.path.clone(), field.field.clone())) {
        None => {
            found.insert((field.path.clone(), field.field.clone()), field);
        }
        Some(other) => {
            if other.policy != field.policy {
                other.policy = Err(format!(
                    "{}:{}: the workloads that get their image here have different policies; give them the same one",
                    field.path, field.position
                ));
            }
            other.lock = other.lock.take().or(field.lock);
            other.hold = other.hold.max(field.hold);
        }
    }
}

/// The field where the tag is set.
fn redirected(
    field: &AutomatedField,
    name: &str,
    source: TagSource,
    index: &OverlayIndex<'_>,
) -> Option<AutomatedField> {
    let named = |image: &ImageRef| {
        let plain = ImageRef::parse(name).ok()?;
        Some(plain.with(image.tag().cloned(), image.digest().cloned()))
    };
    let (path, document, name) = match source {
        TagSource::Base => {
            return Some(AutomatedField {
                image: named(&field.image)?,
                ..field.clone()
            });
        }
        TagSource::NotEditable(reason) => {
            return Some(AutomatedField {
                policy: Err(reason),
                ..field.clone()
            });
        }
        TagSource::Entry(at, entry) => {
            let overlay = index.overlays.get(at)?;
            (overlay.path, overlay.document, FieldName(entry))
        }
        TagSource::Patch(path, object) => {
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
