use super::image_version::ImageVersion;
use crate::model::{CommitId, Digest, ImageRef, Printable, Tag};
use jiff::Timestamp;
use serde::Serialize;
use std::fmt;

/// A tag that a person took back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// The tag.
    pub tag: Tag,
    /// The digest that our bump wrote behind the tag, if it wrote one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The image's name at the time of our bump, without tag and digest.
    #[serde(rename = "repository")]
    pub image: String,
    /// The commit that moved the field away from the tag.
    pub commit: CommitId,
    /// The author of that commit.
    pub author: String,
    /// The time of that commit. It is never earlier than the last bump of ours before the commit.
    pub at: Timestamp,
    /// Whether the image's name was taken back, too: our bump had written the name. Then the tag stays rejected under this name
    /// while the field has another name, whatever its tag is.
    #[serde(skip)]
    pub with_name: bool,
    /// The versions that bumps of ours set later. A field that has one of them has moved on.
    #[serde(skip)]
    pub passed_by: Vec<ImageVersion>,
}

impl Rejected {
    /// The tag and the digest that the file had.
    pub fn version(&self) -> ImageVersion {
        ImageVersion {
            tag: Some(self.tag.clone()),
            digest: self.digest.clone(),
        }
    }

    /// Whether a field with the image `current` has left the tag.
    pub(super) fn is_left_by(&self, current: &ImageRef) -> bool {
        self.with_name && self.image != current.name() || self.version().is_left_by(&ImageVersion::of(current))
    }

    /// Whether a later bump of ours set the version that the field has now.
    pub(super) fn is_passed(&self, current: &ImageVersion) -> bool {
        self.passed_by.iter().any(|version| !version.is_left_by(current))
    }
}

/// `1.2.3 was taken back in 0123abc by Jo <jo@acme.example>`, or `registry.example/shop/web:1.2.3 was taken back …` if the name
/// was taken back, too.
impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let author = Printable::new(&self.author).at_most(100);
        if self.with_name {
            write!(f, "{}:", Printable::new(&self.image).at_most(100))?;
        }
        write!(
            f,
            "{} was taken back in {} by {author}",
            self.version(),
            self.commit.short()
        )
    }
}
