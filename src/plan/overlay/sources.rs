use crate::manifest::{Document, ImageField, ImageOverride};
use crate::model::{Position, RepoPath};
use std::collections::BTreeMap;

/// The scalars that tags come from, by number.
#[derive(Debug, Default)]
pub(super) struct Sources<'a> {
    pub(super) all: Vec<Source<'a>>,
    /// Why an edit of a source is refused, by its number.
    pub(super) refused: BTreeMap<usize, String>,
}

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

    /// Refuses every edit of a source. The first reason stays.
    pub(super) fn refuse(&mut self, source: usize, reason: impl FnOnce() -> String) {
        self.refused.entry(source).or_insert_with(reason);
    }
}
