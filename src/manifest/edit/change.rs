use crate::model::{Digest, FieldName, ImageRef, ObjectId, Position, RepoPath, Tag};

/// A new tag for one image field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagChange {
    /// The object that has the field.
    pub object: ObjectId,
    /// Name of the image field.
    pub field: FieldName,
    /// The image's name after the edit, without tag and digest. `None`: the name stays.
    pub name: Option<ImageRef>,
    /// The tag after the edit.
    pub tag: Tag,
    /// The digest of the new tag. The edit replaces the old digest, or appends `@digest` to the tag. Without a digest,
    /// the editor refuses a field that has one: the old digest would contradict the new tag.
    pub digest: Option<Digest>,
}

/// A new reference for one image field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageChange {
    /// The object that has the field.
    pub object: ObjectId,
    /// Name of the image field.
    pub field: FieldName,
    /// The image after the edit. The edit writes each part where the field keeps it.
    pub image: ImageRef,
}

/// An edit that was refused. The file's bytes are unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{position}: not edited: {reason}")]
pub struct Refused {
    /// The file.
    pub path: RepoPath,
    /// Position of the value that cannot be edited.
    pub position: Position,
    /// Why the editor refused, and what to do.
    pub reason: String,
}

/// Why an edit is refused, and the position of the value that cannot be edited.
pub(crate) type Refusal = (Position, String);
