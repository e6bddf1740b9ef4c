use crate::manifest::read::kustomize::Kustomization;
use crate::model::{Digest, FieldName, Finding, HoldUntil, ImageRef, ObjectId, Position, RepoPath, Tag};
use crate::resource::Object;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What one file of the config repo says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// The objects, in file order; `List` kinds are taken apart.
    pub documents: Vec<Document>,
    /// What is no object but holds image fields: kustomizations (named by their folder), and values files by markers
    /// (named by their path). Nothing of this is ever applied.
    pub values: Vec<Document>,
    /// What a kustomization is made of, if the file is one.
    pub kustomization: Option<Kustomization>,
    /// The images that it sets if it is a patch of operations (RFC 6902), as JSON pointers.
    pub operations: Vec<String>,
    /// What could not be used. A finding of severity `Error` means the file was not read whole.
    pub findings: Vec<Finding>,
}

impl Reading {
    /// Whether every document of the file was understood: only then may absence be concluded from it.
    pub fn is_complete(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.severity != crate::model::Severity::Error)
    }
}

/// One document of a file: the object that sync applies, and what automation reads beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The object, shared with whoever applies it.
    pub object: Arc<Object>,
    /// Where the object starts in the file.
    pub position: Position,
    /// The object's image fields, in file order.
    pub images: Vec<ImageField>,
    /// What the object's annotations ask of automation.
    pub automation: AutomationIntent,
}

impl Document {
    /// The file.
    pub fn path(&self) -> &RepoPath {
        self.object.origin.path()
    }
}

/// What the annotations of an object ask of automation.
///
/// Both spellings of an annotation count (`tidegate.dev/…` and Flux v1's). Where an object has both, `tidegate.dev/…` wins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AutomationIntent {
    /// `automated: "true"`.
    pub automated: bool,
    /// Present when `locked: "true"`.
    pub lock: Option<Lock>,
    /// What ends a hold of the object's image fields; `None` where no annotation says it.
    pub hold: Option<HoldUntil>,
    /// Policies by image field, as written; `None` is the key of the policy for all fields.
    pub policies: BTreeMap<Option<FieldName>, PolicyText>,
}

impl AutomationIntent {
    /// The policy text that governs a field, if an annotation has one.
    pub fn policy(&self, field: &FieldName) -> Option<&PolicyText> {
        self.policies
            .get(&Some(field.clone()))
            .or_else(|| self.policies.get(&None))
    }
}

/// A policy annotation's value and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyText {
    /// The value as written, e.g. `semver:~1.2`.
    pub text: String,
    /// Whether it is text, as annotations have to be; what is none (`1.2` without quotes) is a policy that cannot be used.
    pub is_text: bool,
    /// The annotation's key as written, for messages.
    pub annotation: String,
    /// Where the value stands.
    pub position: Position,
}

/// Who locked a workload and why, as far as they said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lock {
    /// `locked-by`.
    pub by: Option<String>,
    /// `locked-reason`.
    pub reason: Option<String>,
}

/// One place that holds an image, and how a new tag is written there.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageField {
    /// Container name, or HelmRelease values key or alias.
    pub field: FieldName,
    /// The whole reference, put together from its parts.
    pub image: ImageRef,
    /// Whether the file says the repository. Else it is that of the marker's ImagePolicy, and the name in `image` only
    /// stands for it: see [`ImageField::of`].
    pub is_named: bool,
    /// Where the tag (or the whole reference) stands.
    pub position: Position,
    /// The scalar that is rewritten for a new tag.
    pub slot: Slot,
    /// The comment on its line that asks for bumps, with the policy.
    pub marker: Option<Marker>,
}

impl ImageField {
    /// The image, of this repository where the file does not say it.
    #[must_use]
    pub fn of(&self, repository: &ImageRef) -> ImageRef {
        match self.is_named {
            true => self.image.clone(),
            false => repository.with(self.image.tag().cloned(), self.image.digest().cloned()),
        }
    }
}

/// A comment on the line of an image, or of its tag, that asks for bumps whatever the object's annotations say:
/// `# tidegate.dev/image: <policy>` beside a whole reference or a tag that has its repository beside it,
/// `# tidegate.dev/tag of <repository>: <policy>` beside any other tag, and Flux v2's
/// `# {"$imagepolicy": "<namespace>:<name>[:tag|:name|:digest]"}`, whose ImagePolicy also tells the repository of a tag or
/// digest that has none beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// What it says.
    pub policy: MarkerPolicy,
    /// Where its `#` stands.
    pub position: Position,
}

/// The policy of a marker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MarkerPolicy {
    /// As in an annotation; empty for the policy that holds where none is written.
    Text(String),
    /// That of an `ImagePolicy` object.
    ImagePolicy {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// The scalar that carries the tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Byte range of the scalar's content within its quotes (or of the plain scalar).
    pub span: std::ops::Range<usize>,
    /// How it is written.
    pub style: Style,
    /// What of the reference it holds.
    pub holds: Holds,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// `'…'`.
    SingleQuoted,
    /// `"…"`.
    DoubleQuoted,
    /// `|` or `>`: read, never rewritten.
    Block,
    /// A plain scalar over several lines: read, never rewritten.
    ManyLines,
    /// Nothing is written there (`tag:`), or `~` or `null`: never rewritten.
    Empty,
}

/// What part of an image reference a scalar holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holds {
    /// The whole reference, or name and tag without registry: only what follows the last colon is rewritten, or
    /// `:tag` is put after it where there is no tag.
    Reference,
    /// The tag alone.
    Tag,
    /// The digest alone, where no tag is written.
    Digest,
}

/// One image field's new tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagChange {
    /// The object that has the field.
    pub object: ObjectId,
    /// The field.
    pub field: FieldName,
    /// What its tag shall be.
    pub tag: Tag,
    /// The digest that goes with the tag: written where the old one stands, or behind the tag as `tag@digest`. Without
    /// it, a field that has a digest is refused, since the new tag would contradict it.
    pub digest: Option<Digest>,
}

/// One image field's new reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageChange {
    /// The object that has the field.
    pub object: ObjectId,
    /// The field.
    pub field: FieldName,
    /// What its image shall be; its parts go where the field keeps them.
    pub image: ImageRef,
}

/// A file's edit refused, with the reason; the bytes are untouched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{position}: not edited: {reason}")]
pub struct Refused {
    /// The file.
    pub path: RepoPath,
    /// Where.
    pub position: Position,
    /// Why.
    pub reason: String,
}
