use crate::manifest::{Document, Kustomization, Operation, Reading};
use crate::model::RepoPath;
use std::collections::BTreeMap;

/// The contents of folders with a kustomization.
#[derive(Debug, Clone, Default)]
pub struct OverlayIndex<'a> {
    /// The kustomizations.
    pub overlays: Vec<Overlay<'a>>,
    /// The other files of these folders: resources and patches.
    pub files: BTreeMap<&'a RepoPath, OverlayFile<'a>>,
}

impl<'a> OverlayIndex<'a> {
    /// The index of files as they were read.
    pub fn of(readings: impl IntoIterator<Item = (&'a RepoPath, &'a Reading)>) -> Self {
        let mut index = Self::default();
        for (path, reading) in readings {
            let file = OverlayFile {
                documents: reading.documents.iter().collect(),
                operations: &reading.operations,
                is_incomplete: !reading.is_complete(),
            };
            index.files.insert(path, file);
            let overlay = reading.kustomization.as_ref().zip(reading.values.first());
            index.overlays.extend(overlay.map(|(kustomization, document)| Overlay {
                path,
                kustomization,
                document,
            }));
        }
        index
    }
}

/// A file that kustomizations may name as a resource or as a patch.
#[derive(Debug, Clone, Default)]
pub struct OverlayFile<'a> {
    /// The objects, or the parts of objects.
    pub documents: Vec<&'a Document>,
    /// The operations of a patch (RFC 6902).
    pub operations: &'a [Operation],
    /// Whether a part of the file was not read.
    pub is_incomplete: bool,
}

/// A kustomization, its file, and the document with its image fields.
#[derive(Debug, Clone, Copy)]
pub struct Overlay<'a> {
    /// The file of the kustomization.
    pub path: &'a RepoPath,
    /// The resources, components, patches and images.
    pub kustomization: &'a Kustomization,
    /// The document with the image fields. Each is named by the image that it replaces.
    pub document: &'a Document,
}

/// A relative path from a folder; `None` for URLs and for paths that leave the repository.
pub(super) fn join(folder: &RepoPath, path: &str) -> Option<RepoPath> {
    if path.contains("://") || path.contains('?') || path.starts_with('/') {
        return None;
    }
    folder.join(path)?.ok()
}
