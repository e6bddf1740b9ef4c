use crate::model::{Digest, Tag};

/// One tag of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedImage {
    /// The tag.
    pub tag: Tag,
    /// The digest that the tag points to. `None` in a list that does not keep this digest
    /// ([`TagList::keeping`](super::TagList::keeping)).
    pub digest: Option<Digest>,
    /// When the digest was pushed. Tags on the same digest share this time. `None` if the registry does not report it.
    pub pushed_at: Option<jiff::Timestamp>,
    /// The media type of the manifest or artefact; `None` if the registry does not report it.
    pub media_type: Option<String>,
    /// Whether the image can be pulled now. False for an archived image.
    pub pullable: bool,
}
