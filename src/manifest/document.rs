use crate::manifest::automation_intent::AutomationIntent;
use crate::manifest::image_field::ImageField;
use crate::manifest::kustomization::{Kustomization, Operation};
use crate::model::{Finding, Position, RepoPath};
use crate::resource::Object;
use std::sync::Arc;

/// What was read from one file of the config repo.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// The objects, in file order. Each item of a `List` is an object of its own.
    pub documents: Vec<Document>,
    /// Documents that have image fields and are not objects: kustomizations (named by their folder), and values files
    /// with markers (named by their path). Sync never applies them.
    pub values: Vec<Document>,
    /// The kustomization, if the file is one.
    pub kustomization: Option<Kustomization>,
    /// The operations, if the file is a patch of operations (RFC 6902).
    pub operations: Vec<Operation>,
    /// Whether a document of the file is encrypted with SOPS.
    pub encrypted: bool,
    /// Problems in the file. With a finding of severity `Error`, a part of the file was not read.
    pub findings: Vec<Finding>,
}

impl Reading {
    /// Whether every document of the file was read. Absence may be concluded only from a complete reading.
    pub fn is_complete(&self) -> bool {
        !self.findings.iter().any(Finding::is_error)
    }
}

/// One document of a file: the object that sync applies, and its image fields for automation.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The object, shared with sync.
    pub object: Arc<Object>,
    /// Position of the object in the file.
    pub position: Position,
    /// The object's image fields, in file order.
    pub images: Vec<ImageField>,
    /// What the object's annotations ask of automation.
    pub automation: AutomationIntent,
}

impl Document {
    /// Gives back memory that is not used.
    pub(crate) fn shrink(&mut self) {
        self.images.shrink_to_fit();
        self.automation.policies.shrink();
    }

    /// About how many bytes of memory the document takes.
    pub(crate) fn weight(&self) -> usize {
        DOCUMENT + self.object.weight() + self.automation.weight() + self.images.len() * IMAGE
    }

    /// The file.
    pub fn path(&self) -> &RepoPath {
        self.object.origin.path()
    }
}

/// The bytes of a document and its object, without the value: ids, paths, and what is allocated for them.
const DOCUMENT: usize = 700;
/// The bytes of an image field: names, positions, and the reference in parts.
const IMAGE: usize = 1000;
