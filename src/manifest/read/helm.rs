use crate::manifest::read::helm_alias::{Alias, ValueIndex, aliases};
use crate::manifest::read::images::{ImageParts, Images, Precedence};
use crate::manifest::yaml::cursor::Cursor;
use crate::manifest::yaml::path::Path;
use crate::model::FieldName;
use std::collections::HashSet;
use std::ops::Range;

/// The name of the image field at the top level of `spec.values`.
const TOP_LEVEL: &str = "chart-image";

/// The image fields of a HelmRelease.
///
/// Image fields at the two upper levels of `spec.values` are found by their shape. Annotations (aliases) name image
/// fields at any path. An alias replaces the field that is found by shape under the same name or in the same scalar, so
/// that each scalar has one policy.
pub(crate) fn image_fields(
    object: &Cursor<'_>,
    annotations: &[(String, Cursor<'_>)],
    tokens: &[Range<usize>],
) -> Images {
    let mut images = Images::default();
    let values = object.walk(&["spec", "values"]).filter(Cursor::is_mapping);
    let aliases = aliases(annotations);
    let mut index = values.clone().map(ValueIndex::from);
    let named: Vec<_> = aliases
        .iter()
        .map(|(name, alias): (&String, &Alias<'_>)| (name, alias.parts(name, index.as_mut())))
        .collect();
    let found = named.iter().filter_map(|(_, parts)| parts.as_ref().ok());
    let taken: HashSet<&Path> = found.map(|parts| parts.main().path()).collect();
    if let Some(values) = &values {
        let levels = std::iter::once((TOP_LEVEL.to_owned(), values.clone())).chain(values.entries());
        for (name, level) in levels.filter(|(name, _)| !aliases.contains_key(name)) {
            if let Some(parts) = by_shape(&level).filter(|parts| !taken.contains(parts.main().path())) {
                images.add(FieldName(name), &parts, tokens);
            }
        }
    }
    for (name, parts) in named {
        match parts {
            Ok(parts) => images.add(FieldName(name.clone()), &parts, tokens),
            Err(problem) => images.mistakes.push(problem),
        }
    }
    images.sort_and_deduplicate(Precedence::First);
    images
}

/// The image in a map of values, by shape. In shapes 1 to 4, `image` is a text, with or without `registry`, `tag` and
/// `digest` in the same map. In shapes 5 to 8, `image` is a map with `repository`.
fn by_shape<'a>(level: &Cursor<'a>) -> Option<ImageParts<'a>> {
    let image = level.key("image")?;
    let (holder, repository) = if image.is_mapping() {
        let repository = image.key("repository")?;
        (image, repository)
    } else {
        (level.clone(), image)
    };
    repository.text().filter(|text| !text.is_empty())?;
    let scalar = |key| holder.key(key).filter(|cursor| cursor.scalar().is_some());
    Some(ImageParts {
        registry: scalar("registry"),
        repository,
        tag: scalar("tag"),
        digest: scalar("digest"),
    })
}
