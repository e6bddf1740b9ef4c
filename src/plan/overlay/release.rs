//! The values of a HelmRelease. Their image fields are found by shape and by annotations, in what kustomize renders: so the marks
//! in them are texts that a reading takes for tags and digests.

use super::mark::{each_text, split};
use crate::manifest::{Document, ImageField, SlotContent, read};
use crate::model::{FieldName, RepoPath};
use serde_json::Value;
use std::collections::BTreeSet;

/// Begins a mark in place of a tag. No tag of a registry begins so.
const TAG: &str = "tidegate-source-0-";
/// Begins a mark in place of a digest.
const DIGEST: &str = "sha256:71de6a7e71de6a7e71de6a7e71de6a7e71de6a7e71de6a7e";
/// Keys of scalars that are, or end in, a tag or a digest.
const KEYS: [&str; 8] = [
    "image",
    "tag",
    "imagetag",
    "newtag",
    "version",
    "imageversion",
    "appversion",
    "digest",
];

/// Whether a value has the text of a mark by itself. Such a value is not followed.
pub(super) fn has_mark(value: &Value) -> bool {
    let text = value.to_string();
    text.contains(TAG) || text.contains(DIGEST)
}

/// Puts a mark into the scalar of an image field.
pub(super) fn mark_field(value: &mut Value, image: &ImageField, source: usize) {
    if let Some(scalar) = value.pointer_mut(&image.pointer) {
        *scalar = match (&image.slot.content, &*scalar) {
            (SlotContent::Reference, Value::String(text)) => reference(text, source),
            (SlotContent::Digest, _) => digest(source),
            _ => tag(source),
        };
    }
}

/// Puts a mark into all other scalars of values that may decide about a tag.
pub(super) fn mark_rest(object: &mut Value, source: usize) {
    if let Some(values) = object.pointer_mut("/spec/values") {
        mark_below(values, "", source);
    }
}

/// Marks what an operation writes at a path of a HelmRelease.
pub(super) fn mark_at(path: &str, value: &mut Value, source: usize) {
    let key = path.rsplit('/').next().unwrap_or_default();
    match path {
        "" => mark_rest(value, source),
        "/spec" => value
            .get_mut("values")
            .into_iter()
            .for_each(|values| mark_below(values, "", source)),
        path if path.starts_with("/spec/values") => mark_below(value, key, source),
        _ => {}
    }
}

fn mark_below(value: &mut Value, key: &str, source: usize) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| mark_below(item, "", source)),
        Value::Object(map) => map.iter_mut().for_each(|(key, below)| mark_below(below, key, source)),
        Value::Null => {}
        scalar => {
            let plain: String = key.chars().filter(|c| !"_-".contains(*c)).collect();
            let plain = plain.to_ascii_lowercase();
            let text = scalar.as_str().unwrap_or_default();
            if has_mark(scalar) || !KEYS.contains(&&*plain) && plain != "repository" {
                return;
            }
            match &*plain {
                "image" | "repository" if matches!(split(text), (_, "", "")) => {}
                "image" | "repository" => *scalar = reference(text, source),
                "digest" => *scalar = digest(source),
                _ => *scalar = tag(source),
            }
        }
    }
}

fn tag(source: usize) -> Value {
    Value::String(format!("{TAG}{source}"))
}

fn digest(source: usize) -> Value {
    Value::String(format!("{DIGEST}{source:016x}"))
}

fn reference(text: &str, source: usize) -> Value {
    Value::String(format!("{}:{TAG}{source}", split(text).0))
}

/// The sources of all marks in values, those of the images included.
pub(super) fn sources(value: &Value) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    each_text(value, &mut |text| found.extend(source_of(text)));
    found
}

fn source_of(text: &str) -> Option<usize> {
    if let Some((_, number)) = text.split_once(TAG) {
        return number.parse().ok();
    }
    usize::from_str_radix(text.split_once(DIGEST)?.1, 16).ok()
}

/// An image of a rendered HelmRelease.
pub(super) struct ReleaseImage {
    pub(super) field: FieldName,
    /// The name of the image.
    pub(super) name: String,
    /// The source of its tag; `None` for a tag that was not marked, or that is from elsewhere than the digest.
    pub(super) source: Option<usize>,
}

/// The images of a rendered HelmRelease.
pub(super) fn images(value: &Value) -> Vec<ReleaseImage> {
    let Ok(path) = RepoPath::parse("rendered.json") else {
        return Vec::new();
    };
    let reading = read(&path, value.to_string().as_bytes());
    let images = reading
        .documents
        .iter()
        .flat_map(|document: &Document| &document.images);
    let found = images.map(|image| {
        let tag = image.image.tag().and_then(|tag| tag.as_str().strip_prefix(TAG));
        let digest = image.image.digest();
        let digest = digest.and_then(|digest| digest.as_str().strip_prefix(DIGEST));
        let digest = digest.and_then(|number| usize::from_str_radix(number, 16).ok());
        let tag = tag.and_then(|number| number.parse().ok());
        ReleaseImage {
            field: image.field.clone(),
            name: image.image.name().to_owned(),
            // A tag from one place and a digest from another contradict each other after an edit of either.
            source: match (tag, digest) {
                (Some(tag), Some(digest)) if tag != digest => None,
                (tag, digest) => tag.or(digest),
            },
        }
    });
    found.collect()
}
