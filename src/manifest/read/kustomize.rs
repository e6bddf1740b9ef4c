use crate::manifest::document::{Holds, ImageField, Slot, Style};
use crate::manifest::read::images::{Counts, Images, Site, Spot, Trouble};
use crate::manifest::read::patches;
use crate::manifest::read::patches::Patch;
use crate::manifest::yaml::cursor::Place;
use crate::manifest::yaml::value;
use crate::model::{Digest, FieldName, ImageRef, Tag};
use serde_json::Value;
use std::ops::Range;

/// What a kustomization says that matters to images: what it is made of, and which images it replaces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kustomization {
    /// Its `resources` and `bases`, as written.
    pub resources: Vec<String>,
    /// Its `components`, as written.
    pub components: Vec<String>,
    /// Its patches, in order; they are made before its `images`.
    pub patches: Vec<Patch>,
    /// Its `images`, in order.
    pub images: Vec<Replacement>,
}

/// One entry of `images`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The image name that it is for, which is also the name of its image field.
    pub name: String,
    /// The name that it gives instead.
    pub new_name: Option<String>,
    /// Whether it says the tag or the digest, so that what the base says is of no effect.
    pub sets_tag: bool,
}

/// What a kustomization is made of, and its image fields.
pub(crate) fn of(root: &Place<'_>, tokens: &[Range<usize>]) -> (Kustomization, Images) {
    let texts = |key: &str| -> Vec<String> {
        let items = root.key(key).map(|list| list.items()).unwrap_or_default();
        items.iter().filter_map(Place::text).collect()
    };
    let mut resources = texts("resources");
    resources.extend(texts("bases"));
    let mut kustomization = Kustomization {
        resources,
        components: texts("components"),
        patches: patches::of(root),
        images: Vec::new(),
    };
    let mut images = Images::default();
    for entry in root.key("images").map(|list| list.items()).unwrap_or_default() {
        let Some(name) = entry.key("name").and_then(|name| name.text()) else {
            images.mistakes.push(Trouble {
                position: entry.position(),
                message: "this entry of images has no name, so that it is for no image; give it one".to_owned(),
            });
            continue;
        };
        let written = |key: &str| {
            let place = entry.key(key)?;
            place.written().is_some_and(|text| !text.is_empty()).then_some(place)
        };
        let (tag, digest) = (written("newTag"), written("digest"));
        kustomization.images.push(Replacement {
            name: name.clone(),
            new_name: written("newName").and_then(|place| place.text()),
            sets_tag: tag.is_some() || digest.is_some(),
        });
        if tag.is_none() && digest.is_none() {
            continue;
        }
        images.names.insert(FieldName(name.clone()));
        if let Some(place) = tag.as_ref().filter(|place| is_number(place)) {
            let tag = place.written().unwrap_or_default();
            images.mistakes.push(Trouble {
                position: place.position(),
                message: format!(
                    "newTag of {name} stands without quotes, and kustomize takes no number for it; write \"{tag}\""
                ),
            });
        }
        match site(&entry, &name, tokens) {
            Ok(site) => images.sites.push(site),
            Err(problem) => images.mistakes.push(Trouble {
                position: entry.position(),
                message: format!("the entry of images for {name} is not bumped: {problem}"),
            }),
        }
    }
    // Kustomize goes through them in order, so that a later one of the same name has the last word.
    images.settle(Counts::Last);
    (kustomization, images)
}

fn is_number(place: &Place<'_>) -> bool {
    let read = place.scalar().map(value::scalar);
    matches!(read, Some(Ok(Value::Number(_) | Value::Bool(_))))
}

fn site(entry: &Place<'_>, name: &str, tokens: &[Range<usize>]) -> Result<Site, String> {
    let spot = |key: &str| {
        entry
            .key(key)
            .and_then(|place| Spot::of(&place, tokens))
            .filter(|spot| spot.style != Style::Empty)
    };
    let (new_name, tag, digest) = (spot("newName"), spot("newTag"), spot("digest"));
    let text = |spot: &Option<Spot>| {
        spot.as_ref()
            .map(|spot| spot.text.clone())
            .filter(|text| !text.is_empty())
    };
    let plain =
        ImageRef::parse(&text(&new_name).unwrap_or_else(|| name.to_owned())).map_err(|error| error.to_string())?;
    if plain.tag().is_some() || plain.digest().is_some() {
        return Err("its name has a tag or a digest; write those as newTag and digest".to_owned());
    }
    let new_tag = text(&tag);
    let (tag_text, behind) = match new_tag
        .as_deref()
        .map(|text| text.split_once('@').unwrap_or((text, "")))
    {
        Some((tag, digest)) => (Some(tag), Some(digest).filter(|digest| !digest.is_empty())),
        None => (None, None),
    };
    let own_digest = text(&digest);
    let parsed_tag = tag_text
        .map(Tag::parse)
        .transpose()
        .map_err(|error| error.to_string())?;
    let parsed_digest = own_digest
        .as_deref()
        .or(behind)
        .map(Digest::parse)
        .transpose()
        .map_err(|error| error.to_string())?;
    let (main, holds) = match (&tag, &digest) {
        (Some(tag), _) => (tag.clone(), Holds::Tag),
        (None, Some(digest)) => (digest.clone(), Holds::Digest),
        (None, None) => return Err("it has neither newTag nor digest".to_owned()),
    };
    Ok(Site {
        field: ImageField {
            field: FieldName(name.to_owned()),
            image: plain.with(parsed_tag, parsed_digest),
            is_named: true,
            position: main.position,
            slot: Slot {
                span: main.span.clone(),
                style: main.style,
                holds,
            },
            marker: None,
        },
        registry: None,
        name_matches: new_name.is_none(),
        name_alone: true,
        repository: new_name.or_else(|| spot("name")),
        tag,
        digest,
    })
}
