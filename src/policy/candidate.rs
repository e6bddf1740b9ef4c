use crate::model::{Digest, Tag};
use jiff::Timestamp;
use serde::Serialize;

/// A tag that a registry listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The tag.
    pub tag: Tag,
    /// The digest that the tag points to, where known.
    pub digest: Option<Digest>,
    /// When the image was pushed to this registry, where known. Tags on one digest share the time.
    pub pushed_at: Option<Timestamp>,
    /// The media type of the manifest or artefact, where known.
    pub media_type: Option<String>,
    /// Whether the image can be pulled now.
    pub pullable: bool,
    /// Why the image would not run on the required platforms ([`crate::policy::Platforms::unfit`]). `None`: the image runs
    /// there, or its platforms are not known.
    pub unfit: Option<String>,
}

/// The tag to move to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// The tag.
    pub tag: Tag,
    /// The digest that the tag pointed to when it was listed.
    pub digest: Option<Digest>,
    /// When the tag was pushed.
    pub pushed_at: Option<Timestamp>,
}
