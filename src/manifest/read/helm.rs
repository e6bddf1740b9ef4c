use crate::manifest::read::helm_alias::{ValueIndex, aliases};
use crate::manifest::read::image_site::Problem;
use crate::manifest::read::images::{ImageParts, Images, Precedence};
use crate::manifest::yaml::cursor::Cursor;
use crate::manifest::yaml::path::Path;
use crate::model::FieldName;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// The name of the image field at the top level of `spec.values`.
const TOP_LEVEL: &str = "chart-image";

/// Keys beside an image that may hold its tag, in lower case and without `_` and `-`. Charts do not agree on one.
const TAG_KEYS: [&str; 7] = [
    "tag",
    "tags",
    "imagetag",
    "newtag",
    "version",
    "imageversion",
    "appversion",
];

/// The image fields of a HelmRelease.
///
/// Image fields at the two upper levels of `spec.values` are found by their shape. Annotations (aliases) name image
/// fields at any path. An alias takes what it does not name from the field of the same repository that is found by shape, and
/// replaces that field, and every other one that is found by shape under the same name or shares a scalar. So each scalar
/// belongs to one field, for all who ask: bumps and `set image`. Where nobody knows which scalar holds the tag, the field is
/// ambiguous.
pub(crate) fn image_fields(
    object: &Cursor<'_>,
    annotations: &[(String, Cursor<'_>)],
    tokens: &[Range<usize>],
) -> Images {
    let mut images = Images::default();
    let values = object.walk(&["spec", "values"]).filter(Cursor::is_mapping);
    let aliases = aliases(annotations);
    let mut index = values.clone().map(ValueIndex::from);
    let shapes = values.map(|values| by_shapes(&values)).unwrap_or_default();
    let by_repository: HashMap<&Path, &ImageParts<'_>> = shapes
        .iter()
        .rev()
        .map(|(_, parts)| (parts.repository.path(), parts))
        .collect();
    let mut beside = Beside {
        object,
        tags: HashMap::new(),
    };
    let (mut taken, mut claimed) = (HashSet::new(), HashMap::new());
    let mut named = Vec::new();
    for (name, alias) in &aliases {
        match alias.parts(name, index.as_mut()) {
            Ok(mut parts) => {
                let shape = by_repository.get(parts.repository.path()).copied();
                complete(&mut parts, shape);
                taken.extend(parts.cursors().map(|cursor| cursor.path().clone()));
                named.push((name.clone(), parts));
            }
            Err(problem) => {
                let paths = alias.paths(index.as_mut());
                claimed.extend(paths.into_iter().map(|path| (path, problem.clone())));
                images.mistakes.push(problem);
            }
        }
    }
    for (name, parts) in &shapes {
        let own = || parts.cursors().map(Cursor::path);
        if aliases.contains_key(name) || own().any(|path| taken.contains(path)) {
            continue;
        }
        match own().find_map(|path| claimed.get(path)) {
            Some(problem) => images.ambiguous.push((FieldName(name.clone()), problem.clone())),
            None => add(&mut images, &mut beside, FieldName(name.clone()), parts, tokens),
        }
    }
    for (name, parts) in named {
        add(&mut images, &mut beside, FieldName(name), &parts, tokens);
    }
    images.sort_and_deduplicate(Precedence::First);
    images.drop_overlapping();
    images
}

/// Adds a field, unless its name has no tag and something beside it looks like one.
fn add(
    images: &mut Images,
    beside: &mut Beside<'_, '_>,
    field: FieldName,
    parts: &ImageParts<'_>,
    tokens: &[Range<usize>],
) {
    let is_open = parts.tag.is_none() && parts.lone_digest().is_none() && parts.has_plain_name();
    let tag = is_open.then(|| beside.tag(&parts.repository)).flatten();
    let Some(key) = tag else {
        return images.add(field, parts, tokens);
    };
    let message = format!(
        "the name has no tag, and {key} beside it may be the tag; name both, with tidegate.dev/image.{field} and \
         tidegate.dev/image-tag.{field}"
    );
    images.names.insert(field.clone());
    let position = parts.repository.position();
    images.ambiguous.push((field, Problem { position, message }));
}

/// The keys beside names that may hold a tag, by the path of their map.
struct Beside<'o, 'a> {
    object: &'o Cursor<'a>,
    tags: HashMap<Path, Option<String>>,
}

impl Beside<'_, '_> {
    fn tag(&mut self, name: &Cursor<'_>) -> Option<String> {
        let (_, parent) = name.path().0.split_last()?;
        let parent = Path(parent.to_vec());
        if !self.tags.contains_key(&parent) {
            let map = self.object.follow(&parent.0);
            let entries = map.map(|map| map.entries()).unwrap_or_default().into_iter();
            let mut tags = entries.filter(|(key, value)| {
                let plain: String = key.chars().filter(|c| !"_-".contains(*c)).collect();
                let is_tag = TAG_KEYS.contains(&&*plain.to_ascii_lowercase());
                is_tag && value.written().is_some_and(|text| !text.is_empty())
            });
            let tag = tags.next().map(|(key, _)| key);
            self.tags.insert(parent.clone(), tag);
        }
        self.tags.get(&parent).cloned().flatten()
    }
}

/// Takes what an alias does not name from the field of the same repository that is found by shape.
fn complete<'a>(parts: &mut ImageParts<'a>, shape: Option<&ImageParts<'a>>) {
    if parts.tag.is_none()
        && parts.has_plain_name()
        && let Some(shape) = shape
    {
        parts.tag = shape.tag.clone();
        parts.digest = shape.digest.clone();
        parts.registry = parts.registry.take().or_else(|| shape.registry.clone());
    }
}

/// The fields that are found by shape.
fn by_shapes<'a>(values: &Cursor<'a>) -> Vec<(String, ImageParts<'a>)> {
    let levels = std::iter::once((TOP_LEVEL.to_owned(), values.clone())).chain(values.entries());
    levels
        .filter_map(|(name, level)| Some((name, by_shape(&level)?)))
        .collect()
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
