use crate::model::{Digest, ImageRef, Tag};
use std::fmt;

/// The part of an image reference behind the image's name: a tag, a digest, both or neither.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ImageVersion {
    /// The tag, if one is written.
    pub tag: Option<Tag>,
    /// The digest, if one is written.
    pub digest: Option<Digest>,
}

impl ImageVersion {
    /// The version of an image reference.
    pub fn of(image: &ImageRef) -> Self {
        Self {
            tag: image.tag().cloned(),
            digest: image.digest().cloned(),
        }
    }

    /// Whether a change to `to` leaves this version. A tag that only gets its digest has not been left, and neither has a tag
    /// whose digest stays alone.
    pub(super) fn is_left_by(&self, to: &Self) -> bool {
        !to.is_digest_of(self) && (self.tag != to.tag || self.digest.is_some() && self.digest != to.digest)
    }

    /// Whether this is the digest of `tagged` without the tag. Some fields hold a digest and never a tag: `digest` of a
    /// kustomization, for example.
    pub(super) fn is_digest_of(&self, tagged: &Self) -> bool {
        self.tag.is_none() && self.digest.is_some() && self.digest == tagged.digest
    }
}

impl From<Tag> for ImageVersion {
    fn from(tag: Tag) -> Self {
        Self {
            tag: Some(tag),
            digest: None,
        }
    }
}

/// `1.2.3`, `stable@sha256:0123456789ab`, `no tag`.
impl fmt::Display for ImageVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.tag, &self.digest) {
            (None, None) => return f.write_str("no tag"),
            (Some(tag), _) => write!(f, "{tag}")?,
            (None, Some(_)) => {}
        }
        match &self.digest {
            Some(digest) => write!(f, "@{}", digest.as_str().chars().take(SHOWN).collect::<String>()),
            None => Ok(()),
        }
    }
}

/// `sha256:` and twelve digits, as many as Docker shows.
const SHOWN: usize = 19;
