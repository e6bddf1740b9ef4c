use crate::manifest::{Document, volume_field};
use crate::model::ImageRef;
use crate::resource::{CONTAINERS, container_field, pod_spec_path};
use serde_json::Value;
use std::collections::BTreeSet;

/// Stands at both ends of a mark. No tag has this character.
const EDGE: char = '\u{1}';
/// What stands before a digest.
const DIGEST: &str = "@sha256:";

/// The name of an image, its tag (or mark) and its digest, cut as kustomize cuts them.
pub(super) fn split(image: &str) -> (&str, &str, &str) {
    let path = image.find('/').unwrap_or(0);
    let rest = image.get(path..).unwrap_or_default();
    let end = rest.find(['@', ':']).map_or(image.len(), |at| at + path);
    let (name, version) = image.split_at(end);
    match version.strip_prefix(':') {
        Some(version) => {
            let (tag, digest) = version.split_once('@').unwrap_or((version, ""));
            (name, tag, digest)
        }
        None => (name, "", version.strip_prefix('@').unwrap_or_default()),
    }
}

/// What a source gives an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// A tag, perhaps with a digest behind it.
    Tag,
    /// A digest and no tag.
    Digest,
}

/// An image whose tag or digest comes from a source. The mark stands where kustomize finds the one or the other.
pub(super) fn marked(name: &str, source: usize, version: Version) -> String {
    let separator = match version {
        Version::Tag => ":",
        Version::Digest => DIGEST,
    };
    format!("{name}{separator}{EDGE}{source}{EDGE}")
}

/// An image with a mark: its name, its source, and what was appended to the tag.
pub(super) fn parse(image: &str) -> Option<(&str, usize, &str)> {
    let (name, rest) = image.split_once(EDGE)?;
    let (source, suffix) = rest.split_once(EDGE)?;
    let name = name.strip_suffix(DIGEST).or_else(|| name.strip_suffix(':'))?;
    Some((name, source.parse().ok()?, suffix))
}

/// The text before a mark.
pub(super) fn without_marks(image: &str) -> Option<&str> {
    parse(image).map(|(name, ..)| name)
}

/// Whether a value has the character of marks by itself. Such a value is not followed.
pub(super) fn has_edge(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(EDGE),
        Value::Array(items) => items.iter().any(has_edge),
        Value::Object(map) => map.values().any(has_edge),
        _ => false,
    }
}

/// The sources of all marks in a value.
pub(super) fn marks(value: &Value) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    each_text(value, &mut |text| {
        found.extend(parse(text).map(|(_, source, _)| source))
    });
    found
}

/// Visits the texts of a value, at any depth.
pub(super) fn each_text<'v>(value: &'v Value, visit: &mut impl FnMut(&'v str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, visit)),
        Value::Object(map) => map.values().for_each(|item| each_text(item, visit)),
        _ => {}
    }
}

/// Visits the images of a pod spec: the name of the field, as a reading of the object names it, and the image.
pub(super) fn each_image(spec: &mut Value, visit: &mut impl FnMut(&str, &mut String)) {
    for list in CONTAINERS {
        let items = spec.get_mut(list).and_then(Value::as_array_mut);
        for (at, container) in items.into_iter().flatten().enumerate() {
            let name = container.get("name").and_then(Value::as_str).map(str::to_owned);
            let name = container_field(name, list, at);
            if let Some(Value::String(image)) = container.get_mut("image") {
                visit(&name, image);
            }
        }
    }
    let volumes = spec.get_mut("volumes").and_then(Value::as_array_mut);
    for volume in volumes.into_iter().flatten() {
        let name = volume.get("name").and_then(Value::as_str).map(volume_field);
        let reference = volume.pointer_mut("/image/reference");
        if let (Some(name), Some(Value::String(image))) = (name, reference) {
            visit(&name, image);
        }
    }
}

/// Marks the images of an object or of a part of one. `source` gives the number of the source of the field with this name,
/// or `None` for an image that stays as it is.
pub(super) fn mark_pod(value: &mut Value, source: &mut impl FnMut(&str) -> Option<usize>) {
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    let spec = pod_spec_path(&kind)
        .iter()
        .try_fold(value, |value, key| value.get_mut(key));
    let Some(spec) = spec else { return };
    each_image(spec, &mut |name, image| {
        if !is_markable(image) {
            return;
        }
        if let Some(source) = source(name) {
            *image = marked_as(image, source);
        }
    });
}

/// The image with a mark in place of its tag. An edit gives a tag to an image that only has a digest.
fn marked_as(image: &str, source: usize) -> String {
    marked(split(image).0, source, Version::Tag)
}

/// Marks the images in all lists of containers and volumes that have no mark yet, wherever the lists are.
pub(super) fn mark_rest(value: &mut Value, source: usize) {
    let mark = |image: Option<&mut Value>| {
        if let Some(Value::String(image)) = image
            && is_markable(image)
        {
            *image = marked_as(image, source);
        }
    };
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| mark_rest(item, source)),
        Value::Object(map) => {
            for (key, below) in map {
                match below {
                    Value::Array(items) if CONTAINERS.contains(&&**key) => {
                        items.iter_mut().for_each(|item| mark(item.get_mut("image")));
                    }
                    Value::Array(items) if key == "volumes" => {
                        items
                            .iter_mut()
                            .for_each(|item| mark(item.pointer_mut("/image/reference")));
                    }
                    below => mark_rest(below, source),
                }
            }
        }
        _ => {}
    }
}

/// Marks every image in the value of an operation, whatever part of an object the value is.
pub(super) fn mark_all(value: &mut Value, is_image: bool, source: &mut impl FnMut() -> usize) {
    match value {
        Value::String(image) if is_image && is_markable(image) => *image = marked_as(image, source()),
        Value::Array(items) => items.iter_mut().for_each(|item| mark_all(item, false, source)),
        Value::Object(map) => {
            for (key, item) in map {
                mark_all(item, matches!(&**key, "image" | "reference"), source);
            }
        }
        _ => {}
    }
}

/// Whether kustomize finds name and version of an image as they are meant. It knows no digests but those of SHA-256.
fn is_markable(image: &str) -> bool {
    ImageRef::parse(image).is_ok_and(|image| {
        image
            .digest()
            .is_none_or(|digest| digest.as_str().starts_with("sha256:"))
    })
}

/// Whether an object or a part of one is without images for ever: neither kustomize nor a patch that is worth writing gives
/// it one.
pub(super) fn has_no_images(document: &Document) -> bool {
    let id = &document.object.id;
    crate::manifest::has_no_images(&id.group, &id.kind)
}
