use crate::model::{Digest, ImageRef, Tag};
use std::fmt;

/// What a file says behind an image's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mark {
    /// The tag.
    pub tag: Option<Tag>,
    /// The digest.
    pub digest: Option<Digest>,
}

impl Mark {
    /// Of an image as it is written.
    pub fn of(image: &ImageRef) -> Self {
        Self {
            tag: image.tag().cloned(),
            digest: image.digest().cloned(),
        }
    }

    /// Whether going to `to` leaves this. A tag that merely gets its digest is still there, and so is a tag whose digest
    /// stands alone.
    pub(super) fn is_left_by(&self, to: &Self) -> bool {
        !to.is_digest_of(self) && (self.tag != to.tag || self.digest.is_some() && self.digest != to.digest)
    }

    /// Whether this is the digest alone of a tag with its digest: fields that hold nothing but a digest
    /// (`digest` of a kustomization) say no tag.
    pub(super) fn is_digest_of(&self, tagged: &Self) -> bool {
        self.tag.is_none() && self.digest.is_some() && self.digest == tagged.digest
    }
}

impl From<Tag> for Mark {
    fn from(tag: Tag) -> Self {
        Self {
            tag: Some(tag),
            digest: None,
        }
    }
}

/// `1.2.3`, `stable@sha256:0123456789ab`, `no tag`.
impl fmt::Display for Mark {
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
