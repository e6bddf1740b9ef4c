use super::dependency::Dependency;
use super::field_pattern::FieldPattern;
use super::packed::Packed;
use crate::model::{ObjectId, Position, RepoPath};

/// An object that the config repo declares, as sync applies it.
///
/// An object says nothing about image fields or files: a renderer makes objects that stand in no file.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// The object's identity.
    pub id: ObjectId,
    /// `apiVersion` as written.
    pub api_version: String,
    /// The object as kubectl would send it.
    pub value: Packed,
    /// What the object's annotations ask of sync.
    pub intent: Intent,
    /// Where the object comes from.
    pub origin: Origin,
}

/// Where a declared object comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A manifest file declares the object.
    File {
        /// The file.
        path: RepoPath,
        /// Where the object starts in the file.
        position: Position,
    },
    /// A renderer made the object from a folder.
    Rendered {
        /// The folder.
        folder: RepoPath,
    },
    /// The object belongs to a Helm release.
    Release {
        /// The file that declares the release.
        path: RepoPath,
        /// The HelmRelease object.
        release: Box<ObjectId>,
    },
}

impl Origin {
    /// The file or folder that a person edits to change the object.
    pub fn path(&self) -> &RepoPath {
        match self {
            Self::File { path, .. } | Self::Release { path, .. } => path,
            Self::Rendered { folder } => folder,
        }
    }

    /// Where the object stands in the file, if it was read from one.
    pub fn position(&self) -> Option<Position> {
        match self {
            Self::File { position, .. } => Some(*position),
            Self::Rendered { .. } | Self::Release { .. } => None,
        }
    }
}

/// What the annotations of an object ask of sync, and how it became what it is.
///
/// Both spellings of an annotation count (`tidegate.dev/…` and Flux v1's). Where an object has both, `tidegate.dev/…` wins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Intent {
    /// Whether the object is applied and pruned.
    pub ignore: Ignore,
    /// `prune: "disabled"`: the object is never deleted.
    pub keep: bool,
    /// What sync does about drift.
    pub drift: Drift,
    /// `adopt: "true"`: sync takes the object over from another tool or another set.
    pub adopt: bool,
    /// `recreate: "true"`: sync deletes the object and creates it anew if a changed field is immutable.
    pub recreate: bool,
    /// `ignore-fields`: fields that others may own.
    pub ignore_fields: Vec<FieldPattern>,
    /// `depends-on`: objects that must be ready before this one is applied.
    pub depends_on: Vec<Dependency>,
    /// Values of Secrets were substituted into the object: nothing of it is shown, as with a Secret.
    pub hide_values: bool,
}

impl Object {
    /// About how many bytes of memory the object takes on the heap, without its ids and its origin.
    pub(crate) fn weight(&self) -> usize {
        let fields = self.intent.ignore_fields.iter().map(FieldPattern::weight);
        let dependencies = self.intent.depends_on.iter().map(Dependency::weight);
        self.value.weight() + fields.sum::<usize>() + dependencies.sum::<usize>()
    }
}

/// The `ignore` annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ignore {
    /// Sync applies and prunes the object.
    #[default]
    No,
    /// `"true"`: sync neither applies nor prunes the object.
    Yes,
    /// `sync-only` (alias `sync_only`): sync applies the object and never prunes it.
    SyncOnly,
}

/// The `drift` annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drift {
    /// Sync applies the object again.
    #[default]
    Repair,
    /// Sync reports the drift and changes nothing.
    Warn,
    /// Sync neither reports nor changes anything.
    Ignore,
}
