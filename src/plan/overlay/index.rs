use crate::manifest::{Document, Kustomization};
use crate::model::RepoPath;
use std::collections::BTreeMap;

/// The contents of folders with a kustomization.
#[derive(Debug, Clone, Default)]
pub(crate) struct OverlayIndex<'a> {
    /// The kustomizations.
    pub overlays: Vec<Overlay<'a>>,
    /// The objects, and the parts of objects, of each file.
    pub objects: BTreeMap<&'a RepoPath, Vec<&'a Document>>,
    /// The images that files of JSON patch operations (RFC 6902) set, as JSON pointers.
    pub operations: BTreeMap<&'a RepoPath, &'a [String]>,
}

impl<'a> OverlayIndex<'a> {
    pub(super) fn documents(&self, path: &RepoPath) -> &[&'a Document] {
        self.objects.get(path).map(Vec::as_slice).unwrap_or_default()
    }

    /// Adds the documents of a file.
    pub fn add(&mut self, path: &'a RepoPath, documents: impl IntoIterator<Item = &'a Document>) {
        self.objects.entry(path).or_default().extend(documents);
    }
}

/// A kustomization, its file, and the document with its image fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Overlay<'a> {
    /// The file of the kustomization.
    pub path: &'a RepoPath,
    /// The resources, components, patches and images.
    pub kustomization: &'a Kustomization,
    /// The document with the image fields. Each is named by the image that it replaces.
    pub document: &'a Document,
}
