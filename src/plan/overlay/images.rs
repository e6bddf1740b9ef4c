use super::mark::{Version, marked, split};
use crate::manifest::ImageOverride;
use regex::Regex;
use serde_json::Value;
use std::rc::Rc;

/// An entry of `images`, ready to be applied.
pub(super) struct Entry<'a> {
    pub(super) entry: &'a ImageOverride,
    /// The number of the entry as a source.
    pub(super) source: usize,
    name: Name<'a>,
}

/// kustomize takes the name of an entry for a regular expression.
enum Name<'a> {
    /// A name in which at most dots mean something: any character.
    Plain(&'a str),
    Pattern(Regex),
}

impl<'a> Entry<'a> {
    /// `None` for a name that kustomize cannot use.
    pub(super) fn new(entry: &'a ImageOverride, source: usize) -> Option<Self> {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_/:@.".contains(&b);
        let name = match entry.name.bytes().all(is_plain) {
            true => Name::Plain(&entry.name),
            false => Name::Pattern(Regex::new(&format!("^{}$", entry.name)).ok()?),
        };
        Some(Self { entry, source, name })
    }

    fn is_for(&self, name: &str) -> bool {
        match &self.name {
            Name::Plain(plain) => {
                let mut pairs = plain.bytes().zip(name.bytes());
                plain.len() == name.len() && pairs.all(|(pattern, b)| pattern == b || pattern == b'.')
            }
            Name::Pattern(pattern) => pattern.is_match(name),
        }
    }

    /// The image that the entry makes of an image; `None` if the entry is for another one.
    fn applied(&self, image: &str) -> Option<String> {
        let (name, tag, digest) = split(image);
        let is_cut = |text: &str| {
            text.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_.{}-\x01".contains(&b))
        };
        let is_known = is_cut(tag) && (digest.is_empty() || digest.strip_prefix("sha256:").is_some_and(is_cut));
        if !is_known || !self.is_for(name) {
            return None;
        }
        let new = self.entry.new_name.as_deref().unwrap_or(name);
        if self.entry.sets_tag || self.entry.sets_digest {
            let version = if self.entry.sets_tag {
                Version::Tag
            } else {
                Version::Digest
            };
            return Some(marked(new, self.source, version));
        }
        let suffix = self.entry.tag_suffix.as_deref().unwrap_or_default();
        if tag.is_empty() && !suffix.is_empty() {
            // A digest goes, and the suffix alone is the tag.
            return Some(marked(new, self.source, Version::Tag));
        }
        let mut image = new.to_owned();
        if !tag.is_empty() {
            image.push(':');
            image.push_str(tag);
            image.push_str(suffix);
        }
        if !digest.is_empty() && suffix.is_empty() {
            image.push('@');
            image.push_str(digest);
        }
        Some(image)
    }
}

/// Applies entries of `images` to an object, one after another, as kustomize does: to `image` in every list of containers
/// and init containers, wherever the list is, and to the image volumes of pods and of pod templates.
pub(super) fn apply(value: &mut Rc<Value>, entries: &[Entry<'_>]) {
    if value.get("kind").is_some_and(|kind| kind == "CustomResourceDefinition") {
        return;
    }
    let mut places = Vec::new();
    find(value, &mut String::new(), &mut places);
    for spec in ["/spec", "/spec/template/spec"] {
        let volumes = value.pointer(&format!("{spec}/volumes")).and_then(Value::as_array);
        let count = volumes.map(Vec::len).unwrap_or_default();
        places.extend((0..count).map(|at| format!("{spec}/volumes/{at}/image/reference")));
    }
    for place in places {
        let Some(Value::String(old)) = value.pointer(&place) else {
            continue;
        };
        let mut image = old.clone();
        for entry in entries {
            image = entry.applied(&image).unwrap_or(image);
        }
        if image != *old
            && let Some(place) = Rc::make_mut(value).pointer_mut(&place)
        {
            *place = Value::String(image);
        }
    }
}

/// The JSON pointers of the images in lists of containers.
fn find(value: &Value, path: &mut String, places: &mut Vec<String>) {
    let length = path.len();
    match value {
        Value::Object(map) => {
            for (key, below) in map {
                path.push('/');
                path.push_str(&key.replace('~', "~0").replace('/', "~1"));
                if let ("containers" | "initContainers", Value::Array(items)) = (&**key, below) {
                    let images = (0..items.len()).map(|at| format!("{path}/{at}/image"));
                    places.extend(images);
                }
                find(below, path, places);
                path.truncate(length);
            }
        }
        Value::Array(items) => {
            for (at, below) in items.iter().enumerate() {
                path.push_str(&format!("/{at}"));
                find(below, path, places);
                path.truncate(length);
            }
        }
        _ => {}
    }
}
