use super::image_version::ImageVersion;
use super::trailer::{decode, encode, quoted, values};
use crate::model::{Digest, FieldId, FieldName, ObjectId, Tag};
use serde::Serialize;
use std::collections::BTreeMap;

const BUMP: &str = "Tidegate-Bump";
const REVERT: &str = "Tidegate-Revert";
const RESUME: &str = "Tidegate-Resume";

/// A bump as a commit of ours records it: one change of one image field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bump {
    /// The field that changes.
    pub field: FieldId,
    /// The image's name as written in the file before the bump, without tag and digest.
    pub image: String,
    /// The image's name after the bump, if the bump writes another name.
    pub new_image: Option<String>,
    /// The tag before; `None` if the image had no tag.
    pub old: Option<Tag>,
    /// The tag after the bump.
    pub new: Tag,
    /// The digest that the new tag pointed to when the bump was planned.
    pub digest: Option<Digest>,
    /// Whether the bump writes this digest behind the tag.
    pub pinned: bool,
    /// The digest before, if one was written.
    pub old_digest: Option<Digest>,
}

impl Bump {
    /// The whole trailer line, without its line end:
    /// `Tidegate-Bump: group=apps kind=Deployment namespace=shop name=web field=web image=… old=… new=… digest=…`,
    /// followed by `old-digest=… pinned=yes` where digests are written, and with `new-image=…` where the name changes. Empty and absent values are left out.
    pub fn trailer(&self) -> String {
        self.record(BUMP)
    }

    /// The trailer of a commit that takes the bump back: `Tidegate-Revert:`, and the record of the bump. It is for readers: what a
    /// commit rejects follows from what it changes.
    pub fn revert_trailer(&self) -> String {
        self.record(REVERT)
    }

    fn record(&self, name: &str) -> String {
        let mut line = format!("{name}: {}", field_words(&self.field));
        let mut word = |key: &str, value: Option<&str>| {
            if let Some(value) = value {
                line.push_str(&format!(" {key}={}", encode(value)));
            }
        };
        word("image", Some(&self.image));
        word("new-image", self.new_image.as_deref());
        word("old", self.old.as_ref().map(Tag::as_str));
        word("new", Some(self.new.as_str()));
        word("digest", self.digest.as_ref().map(Digest::as_str));
        word("old-digest", self.old_digest.as_ref().map(Digest::as_str));
        word("pinned", self.pinned.then_some("yes"));
        line
    }

    /// The image's name after the bump.
    pub fn image_after(&self) -> &str {
        self.new_image.as_ref().unwrap_or(&self.image)
    }

    /// The version that the file has before the bump.
    pub fn before(&self) -> ImageVersion {
        ImageVersion {
            tag: self.old.clone(),
            digest: self.old_digest.clone(),
        }
    }

    /// The version that the file has after the bump.
    pub fn after(&self) -> ImageVersion {
        ImageVersion {
            tag: Some(self.new.clone()),
            digest: self.digest.clone().filter(|_| self.pinned),
        }
    }

    fn parse(value: &str) -> Option<Self> {
        let words = words(value)?;
        let tag = |key: &str| words.get(key).map(|text| Tag::parse(text)).transpose();
        let digest = |key: &str| words.get(key).map(|text| Digest::parse(text)).transpose();
        Some(Self {
            field: field(&words)?,
            image: words.get("image")?.clone(),
            new_image: words.get("new-image").cloned(),
            old: tag("old").ok()?,
            new: tag("new").ok()??,
            digest: digest("digest").ok()?,
            pinned: words.get("pinned").is_some_and(|word| word == "yes"),
            old_digest: digest("old-digest").ok()?,
        })
    }
}

/// The holds that a commit lifts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Resume {
    /// All holds.
    All,
    /// The holds of one field.
    Field(FieldId),
    /// One rejected tag of a field, with any digest. Other rejected tags of the field stay rejected.
    Tag(FieldId, Tag),
}

impl Resume {
    /// The whole trailer line: `Tidegate-Resume: all`, or the field's pairs as in [`Bump::trailer`], with `tag=…` for one tag.
    pub fn trailer(&self) -> String {
        match self {
            Self::All => format!("{RESUME}: all"),
            Self::Field(field) => format!("{RESUME}: {}", field_words(field)),
            Self::Tag(field, tag) => format!("{RESUME}: {} tag={}", field_words(field), encode(tag.as_str())),
        }
    }
}

/// The bumps that a commit message records. A trailer that does not parse is skipped: the commit is not ours for that field.
/// Trailers that a squash left in the middle of its message count too: a record matters only for a commit that makes exactly
/// the recorded change.
pub fn bumps(message: &str) -> Vec<Bump> {
    quoted(message, BUMP)
        .iter()
        .chain(&values(message, BUMP))
        .filter_map(|value| Bump::parse(value))
        .collect()
}

/// The holds that a commit message lifts. Only trailers in the last paragraph count.
pub fn resumes(message: &str) -> Vec<Resume> {
    values(message, RESUME)
        .iter()
        .filter_map(|value| match value.as_str() {
            "all" => Some(Resume::All),
            value => {
                let words = words(value)?;
                let field = field(&words)?;
                match words.get("tag") {
                    None => Some(Resume::Field(field)),
                    Some(tag) => Some(Resume::Tag(field, Tag::parse(tag).ok()?)),
                }
            }
        })
        .collect()
}

fn field_words(field: &FieldId) -> String {
    let object = &field.object;
    let mut line = String::new();
    if !object.group.is_empty() {
        line.push_str(&format!("group={} ", encode(&object.group)));
    }
    line.push_str(&format!("kind={} ", encode(&object.kind)));
    if let Some(namespace) = &object.namespace {
        line.push_str(&format!("namespace={} ", encode(namespace)));
    }
    line.push_str(&format!(
        "name={} field={}",
        encode(&object.name),
        encode(&field.field.0)
    ));
    line
}

fn field(words: &BTreeMap<String, String>) -> Option<FieldId> {
    Some(FieldId {
        object: ObjectId {
            group: words.get("group").cloned().unwrap_or_default(),
            kind: words.get("kind")?.clone(),
            namespace: words.get("namespace").cloned(),
            name: words.get("name")?.clone(),
        },
        field: FieldName(words.get("field")?.clone()),
    })
}

/// The pairs of a value; `None` if a word is not a pair or a key is repeated. Unknown keys are allowed.
fn words(value: &str) -> Option<BTreeMap<String, String>> {
    let mut words = BTreeMap::new();
    for word in value.split_ascii_whitespace() {
        let (key, value) = word.split_once('=')?;
        if words.insert(key.to_owned(), decode(value)?).is_some() {
            return None;
        }
    }
    Some(words)
}
