use crate::manifest::document::Document;
use crate::manifest::kustomization::{Kustomization, Operation};
use crate::manifest::read::image_site::{ImageSite, Problem};
use crate::manifest::yaml::limits::FileError;
use crate::manifest::yaml::path::Path;
use crate::manifest::yaml::tree::Tree;
use crate::model::{FieldName, Finding, ObjectId, Position};
use std::collections::{BTreeMap, BTreeSet};

/// A file as the editor needs it: objects with the scalars of their image fields.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub objects: Vec<FileObject>,
    pub findings: Vec<Finding>,
    /// Objects that the file declares more than once.
    pub duplicates: BTreeSet<ObjectId>,
    /// Whether any document is encrypted with SOPS.
    pub encrypted: bool,
    /// Why the file as a whole cannot be read.
    pub error: Option<FileError>,
    pub kustomization: Option<Kustomization>,
    /// The operations, if the file is a patch of operations (RFC 6902).
    pub operations: Vec<Operation>,
    /// The documents' trees; [`FileObject::tree`] is an index into this list.
    pub trees: Vec<Tree>,
}

/// One object of a file: a whole document, or an item of a `List`.
#[derive(Debug)]
pub(crate) struct FileObject {
    pub document: Document,
    /// The index of the object's document.
    pub tree: usize,
    pub sites: Vec<ImageSite>,
    /// The names of all image fields of the object, including those that cannot be used.
    pub names: BTreeSet<FieldName>,
    /// The image fields that cannot be read, and why.
    pub unreadable: BTreeMap<FieldName, Problem>,
    /// Names that several image fields have, with the position of the second of these fields.
    pub duplicate_names: BTreeMap<FieldName, Position>,
    /// The path from the document's root to the object.
    pub path: Path,
    /// Whether sync applies the object. If not, it only has image fields.
    pub applied: bool,
}
