use crate::manifest::{Document, ImageField, ImageOverride};
use crate::model::{Position, RepoPath};
use std::collections::BTreeMap;

/// The scalars that tags come from, by number.
#[derive(Debug, Default)]
pub(super) struct Sources<'a> {
    pub(super) all: Vec<Source<'a>>,
    /// Why an edit of a source is refused, by its number.
    pub(super) refused: BTreeMap<usize, String>,
    /// The bytes of memory that copies of objects take.
    pub(super) copied: usize,
    /// Whether the copies take more memory than is given to them.
    pub(super) is_exhausted: bool,
    /// Why automation may not edit a source unless a marker asks for it, by its number.
    pub(super) objections: BTreeMap<usize, String>,
}

/// The most bytes of memory that copies of objects may take. The objects of 7,000 Deployments take as much.
const MOST_COPIED: usize = 96 << 20;

/// A scalar that a tag comes from.
#[derive(Debug, Clone)]
pub(super) enum Source<'a> {
    /// An image field of an object, or of a patch in a file.
    Field {
        path: &'a RepoPath,
        document: &'a Document,
        image: &'a ImageField,
    },
    /// An entry of `images` in a kustomization, by the number of the kustomization.
    Entry { overlay: usize, entry: &'a ImageOverride },
    /// Something that is not edited, with the reason.
    NotEditable {
        path: &'a RepoPath,
        position: Position,
        reason: String,
    },
}

impl<'a> Sources<'a> {
    /// Adds a source, and gives its number.
    pub(super) fn add(&mut self, source: Source<'a>) -> usize {
        self.all.push(source);
        self.all.len() - 1
    }

    /// Takes memory for a copy. False if none is left: then the object is not copied.
    pub(super) fn copy(&mut self, weight: usize) -> bool {
        self.copied = self.copied.saturating_add(weight);
        self.is_exhausted |= self.copied > MOST_COPIED;
        !self.is_exhausted
    }

    /// The memory that is left for copies.
    pub(super) fn room(&self) -> usize {
        MOST_COPIED.saturating_sub(self.copied)
    }

    /// Refuses every edit of a source. The first reason stays.
    pub(super) fn refuse(&mut self, source: usize, reason: impl FnOnce() -> String) {
        self.refused.entry(source).or_insert_with(reason);
    }

    /// Keeps automation from a source that no marker asks for. The first reason stays.
    pub(super) fn object_to(&mut self, source: usize, reason: impl FnOnce() -> String) {
        self.objections.entry(source).or_insert_with(reason);
    }
}
