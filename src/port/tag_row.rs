use super::tagged_image::TaggedImage;
use crate::model::{Digest, Tag};
use jiff::Timestamp;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

/// A tag as a registry lists it, before the grammar of its parts is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TagRow<'a> {
    /// The tag.
    pub tag: &'a str,
    /// The digest that the tag points to; `None` if the registry does not report digests.
    pub digest: Option<&'a str>,
    /// When the digest was pushed; `None` if the registry does not report it.
    pub pushed_at: Option<Timestamp>,
    /// The media type of the manifest or artefact; `None` if the registry does not report it.
    pub media_type: Option<&'a str>,
    /// Whether the image can be pulled now.
    pub pullable: bool,
}

impl TagRow<'_> {
    /// The image; `None` if the tag does not follow its grammar, or if the row has no digest that does.
    pub(super) fn image(&self) -> Option<TaggedImage> {
        Some(TaggedImage {
            tag: Tag::parse(self.tag).ok()?,
            digest: Some(Digest::parse(self.digest?).ok()?),
            pushed_at: self.pushed_at,
            media_type: self.media_type.map(str::to_owned),
            pullable: self.pullable,
        })
    }
}

impl<'a> From<&'a TaggedImage> for TagRow<'a> {
    fn from(image: &'a TaggedImage) -> Self {
        Self {
            tag: image.tag.as_str(),
            digest: image.digest.as_ref().map(Digest::as_str),
            pushed_at: image.pushed_at,
            media_type: image.media_type.as_deref(),
            pullable: image.pullable,
        }
    }
}

/// A row without name and digest: a time of this age, one of few media types.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Packed {
    /// The push time in nanoseconds since 1970.
    time: [u8; 8],
    /// The media type, as a place in the list of media types.
    media_type: u8,
    pullable: bool,
}

/// A SHA-256 digest.
pub(super) type Sha256 = [u8; 32];

/// The time of an image without one.
const NO_TIME: i64 = i64::MIN;
/// The media type of an image without one.
const NO_MEDIA_TYPE: u8 = u8::MAX;

impl Packed {
    /// Packs a row; `None` if it does not fit. A media type that is not in `media_types` yet is added.
    pub(super) fn new(row: &TagRow<'_>, media_types: &mut Vec<Box<str>>) -> Option<Self> {
        let time = match row.pushed_at {
            None => NO_TIME,
            Some(at) => i64::try_from(at.as_nanosecond()).ok().filter(|time| *time != NO_TIME)?,
        };
        let media_type = match row.media_type {
            None => NO_MEDIA_TYPE,
            Some(media_type) => place_of(media_type, media_types)?,
        };
        Some(Self {
            time: time.to_ne_bytes(),
            media_type,
            pullable: row.pullable,
        })
    }

    /// The image with this tag and digest.
    pub(super) fn image(&self, tag: Tag, digest: Option<Sha256>, media_types: &[Box<str>]) -> TaggedImage {
        let time = i64::from_ne_bytes(self.time);
        let time = (time != NO_TIME).then(|| Timestamp::from_nanosecond(i128::from(time)).ok());
        TaggedImage {
            tag,
            digest: digest.map(text),
            pushed_at: time.flatten(),
            media_type: media_types
                .get(usize::from(self.media_type))
                .map(|media_type| media_type.to_string()),
            pullable: self.pullable,
        }
    }
}

const SHA256: &str = "sha256:";

fn text(digest: Sha256) -> Digest {
    let text = format!("{SHA256}{}", hex::encode(digest));
    Digest::parse(&text).expect("the prefix and 64 hexadecimal digits are a digest")
}

/// The bytes of a digest; `None` if it is not a SHA-256 digest.
pub(super) fn sha256(digest: &str) -> Option<Sha256> {
    let digits = digest.strip_prefix(SHA256)?.as_bytes();
    // A digest has no capital letters.
    if digits.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}

fn place_of(media_type: &str, media_types: &mut Vec<Box<str>>) -> Option<u8> {
    let known = media_types.iter().position(|known| &**known == media_type);
    let place = known.unwrap_or(media_types.len());
    let place = u8::try_from(place).ok().filter(|place| *place != NO_MEDIA_TYPE)?;
    if known.is_none() {
        media_types.push(media_type.into());
    }
    Some(place)
}

/// The hash of a row, with a key that the process draws at its start.
pub(super) fn hash_of(row: &TagRow<'_>) -> u64 {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    KEY.hash_one(row)
}
