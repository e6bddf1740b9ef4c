use crate::manifest::image_field::SlotContent;
use crate::manifest::kustomization::{AddedMetadata, ImageOverride, Kustomization};
use crate::manifest::read::image_site::{ImageSite, Problem, ScalarSpan};
use crate::manifest::read::images::{Images, Precedence};
use crate::manifest::read::not_evaluated::{generated, not_evaluated};
use crate::manifest::read::patches::{late_patches, patches};
use crate::manifest::yaml::cursor::Cursor;
use crate::manifest::yaml::events::Style;
use crate::manifest::yaml::value;
use crate::model::{Digest, FieldName, ImageRef, Tag};
use serde_json::Value;
use std::ops::Range;

/// Reads a kustomization and its image fields.
pub(crate) fn read(root: &Cursor<'_>, tokens: &[Range<usize>]) -> (Kustomization, Images) {
    let texts = |key: &str| -> Vec<String> { root.items_at(key).iter().filter_map(Cursor::text).collect() };
    let mut resources = texts("resources");
    resources.extend(texts("bases"));
    let mut kustomization = Kustomization {
        is_component: root.text_at("kind").as_deref() == Some("Component"),
        resources,
        components: texts("components"),
        patches: patches(root),
        late_patches: late_patches(root),
        metadata: metadata(root),
        images: Vec::new(),
        not_evaluated: not_evaluated(root),
        generated: generated(root),
    };
    let mut images = Images::default();
    for key in ["images", "imageTags"] {
        for entry in root.items_at(key) {
            kustomization.images.extend(add_entry(&entry, tokens, &mut images));
        }
    }
    // Kustomize applies the entries in order, so that the last entry for a name decides.
    images.sort_and_deduplicate(Precedence::Last);
    (kustomization, images)
}

/// What the kustomization writes into the metadata of every object.
fn metadata(root: &Cursor<'_>) -> AddedMetadata {
    let pairs = |map: Option<Cursor<'_>>| -> Vec<(String, String)> {
        let entries = map.map(|map| map.entries()).unwrap_or_default().into_iter();
        entries.filter_map(|(key, value)| Some((key, value.text()?))).collect()
    };
    let labels = root.items_at("labels").into_iter();
    let labels = labels.flat_map(|entry| pairs(entry.key("pairs")));
    AddedMetadata {
        namespace: root.text_at("namespace"),
        name_prefix: root.text_at("namePrefix").unwrap_or_default(),
        name_suffix: root.text_at("nameSuffix").unwrap_or_default(),
        labels: labels.chain(pairs(root.key("commonLabels"))).collect(),
        annotations: pairs(root.key("commonAnnotations")),
    }
}

/// Reads one entry of `images`, and adds its image field to `images`.
fn add_entry(entry: &Cursor<'_>, tokens: &[Range<usize>], images: &mut Images) -> Option<ImageOverride> {
    let Some(name) = entry.key("name").and_then(|name| name.text()) else {
        images.mistakes.push(Problem {
            position: entry.position(),
            message: "this entry of images has no name, so that kustomize applies it to no image; add a name"
                .to_owned(),
        });
        return None;
    };
    let written = |key: &str| {
        let cursor = entry.key(key)?;
        cursor.written().is_some_and(|text| !text.is_empty()).then_some(cursor)
    };
    let (tag, digest) = (written("newTag"), written("digest"));
    let sets_version = tag.is_some() || digest.is_some();
    let position = tag.as_ref().or(digest.as_ref()).unwrap_or(entry).position();
    if sets_version {
        images.names.insert(FieldName(name.clone()));
        if let Some(cursor) = tag.as_ref().filter(|cursor| is_number(cursor)) {
            let tag = cursor.written().unwrap_or_default();
            images.mistakes.push(Problem {
                position: cursor.position(),
                message: format!(
                    "newTag of {name} has no quotes, and kustomize expects a string, not a number or a boolean; write \"{tag}\""
                ),
            });
        }
        match site(entry, &name, tokens) {
            Ok(site) => images.sites.push(site),
            Err(reason) => images.mistakes.push(Problem {
                position: entry.position(),
                message: format!("the entry of images for {name} is not bumped: {reason}"),
            }),
        }
    }
    Some(ImageOverride {
        new_name: written("newName").and_then(|cursor| cursor.text()),
        sets_tag: tag.is_some(),
        sets_digest: digest.is_some(),
        tag_suffix: written("tagSuffix")
            .filter(|_| !sets_version)
            .and_then(|cursor| cursor.text()),
        position,
        name,
    })
}

fn is_number(cursor: &Cursor<'_>) -> bool {
    let read = cursor.scalar().map(value::json);
    matches!(read, Some(Ok(Value::Number(_) | Value::Bool(_))))
}

/// The image field of an entry.
fn site(entry: &Cursor<'_>, name: &str, tokens: &[Range<usize>]) -> Result<ImageSite, String> {
    let span = |key: &str| {
        let span = ScalarSpan::of(&entry.key(key)?, tokens)?;
        (span.style != Style::Empty).then_some(span)
    };
    let (new_name, tag, digest) = (span("newName"), span("newTag"), span("digest"));
    let (main, content) = match (&tag, &digest) {
        (Some(tag), _) => (tag.clone(), SlotContent::Tag),
        (None, Some(digest)) => (digest.clone(), SlotContent::Digest),
        (None, None) => return Err("it has neither newTag nor digest".to_owned()),
    };
    let image = image(name, text(&new_name), text(&tag), text(&digest))?;
    Ok(ImageSite {
        name_matches: new_name.is_none(),
        name_alone: true,
        repository: new_name.or_else(|| span("name")),
        tag,
        digest,
        ..ImageSite::new(FieldName(name.to_owned()), image, &main, content)
    })
}

fn text(span: &Option<ScalarSpan>) -> Option<&str> {
    span.as_ref().map(|span| &*span.text).filter(|text| !text.is_empty())
}

/// The image that an entry sets. `newTag` may be `tag@digest`; a `digest` of its own takes precedence.
fn image(name: &str, new_name: Option<&str>, new_tag: Option<&str>, digest: Option<&str>) -> Result<ImageRef, String> {
    let plain = ImageRef::parse(new_name.unwrap_or(name)).map_err(|error| error.to_string())?;
    if plain.tag().is_some() || plain.digest().is_some() {
        return Err("its name has a tag or a digest; write them as newTag and digest".to_owned());
    }
    let (tag, tag_digest) = match new_tag.map(|text| text.split_once('@').unwrap_or((text, ""))) {
        Some((tag, digest)) => (Some(tag), Some(digest).filter(|digest| !digest.is_empty())),
        None => (None, None),
    };
    let tag = tag.map(Tag::parse).transpose().map_err(|error| error.to_string())?;
    let digest = digest.or(tag_digest).map(Digest::parse).transpose();
    Ok(plain.with(tag, digest.map_err(|error| error.to_string())?))
}
