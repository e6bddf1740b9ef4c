use crate::manifest::read::image_site::Problem;
use crate::manifest::read::images::ImageParts;
use crate::manifest::yaml::cursor::Cursor;
use crate::manifest::yaml::path::Path;
use std::collections::{BTreeMap, HashMap};

/// The paths into `spec.values` that the annotations of one alias name.
#[derive(Debug)]
pub(crate) struct Alias<'a> {
    /// The first annotation that was read for this alias.
    first: ValuePath<'a>,
    registry: Option<ValuePath<'a>>,
    repository: Option<ValuePath<'a>>,
    tag: Option<ValuePath<'a>>,
}

/// A path into the values, and the annotation that names it.
#[derive(Debug, Clone)]
struct ValuePath<'a> {
    path: String,
    annotation: String,
    cursor: Cursor<'a>,
}

/// The part of an image that an annotation names.
enum Part {
    Registry,
    Repository,
    Tag,
}

/// The aliases of a HelmRelease by name. For each part, an annotation of `tidegate.dev` replaces one of Flux v1.
pub(crate) fn aliases<'a>(annotations: &[(String, Cursor<'a>)]) -> BTreeMap<String, Alias<'a>> {
    let mut aliases: BTreeMap<String, Alias<'a>> = BTreeMap::new();
    for ours in [false, true] {
        for (key, cursor) in annotations {
            let Some((part, name)) = part_of(key, ours) else {
                continue;
            };
            let Some(path) = cursor.text() else { continue };
            let path = ValuePath {
                path,
                annotation: key.clone(),
                cursor: cursor.clone(),
            };
            let alias = aliases.entry(name.to_owned()).or_insert_with(|| Alias {
                first: path.clone(),
                registry: None,
                repository: None,
                tag: None,
            });
            match part {
                Part::Registry => alias.registry = Some(path),
                Part::Repository => alias.repository = Some(path),
                Part::Tag => alias.tag = Some(path),
            }
        }
    }
    aliases
}

/// The part and the alias that an annotation names, in the spelling of `tidegate.dev` (`ours`) or of Flux v1.
fn part_of(key: &str, ours: bool) -> Option<(Part, &str)> {
    let prefixes = if ours {
        [
            ("tidegate.dev/image-registry.", Part::Registry),
            ("tidegate.dev/image-tag.", Part::Tag),
            ("tidegate.dev/image.", Part::Repository),
        ]
    } else {
        [
            ("registry.fluxcd.io/", Part::Registry),
            ("tag.fluxcd.io/", Part::Tag),
            ("repository.fluxcd.io/", Part::Repository),
        ]
    };
    prefixes
        .into_iter()
        .find_map(|(prefix, part)| Some((part, key.strip_prefix(prefix).filter(|name| !name.is_empty())?)))
}

/// Whether an annotation names a path into `spec.values`.
pub(crate) fn is_alias(key: &str) -> bool {
    part_of(key, true).or_else(|| part_of(key, false)).is_some()
}

impl<'a> Alias<'a> {
    /// The values that the alias `name` points to.
    ///
    /// # Errors
    /// No annotation names the repository, or a path leads to no scalar.
    pub(crate) fn parts(&self, name: &str, mut values: Option<&mut ValueIndex<'a>>) -> Result<ImageParts<'a>, Problem> {
        let mut find = |path: &ValuePath<'a>| {
            values
                .as_mut()
                .and_then(|values| values.follow(&steps(&path.path)))
                .filter(|cursor| cursor.scalar().is_some())
                .ok_or_else(|| Problem {
                    position: path.cursor.position(),
                    message: format!(
                        "{} names the path {:?}, but spec.values has no text there; correct the path or remove the annotation",
                        path.annotation, path.path
                    ),
                })
        };
        let Some(repository) = &self.repository else {
            return Err(Problem {
                position: self.first.cursor.position(),
                message: format!(
                    "{} names a part of the image {name}, but no annotation names its repository; add tidegate.dev/image.{name} with the path of the repository",
                    self.first.annotation
                ),
            });
        };
        Ok(ImageParts {
            registry: self.registry.as_ref().map(&mut find).transpose()?,
            repository: find(repository)?,
            tag: self.tag.as_ref().map(find).transpose()?,
            digest: None,
        })
    }
}

impl<'a> Alias<'a> {
    /// The paths of the scalars that the annotations lead to, also where the alias as a whole cannot be used.
    pub(crate) fn paths(&self, mut values: Option<&mut ValueIndex<'a>>) -> Vec<Path> {
        let written = [&self.registry, &self.repository, &self.tag].into_iter().flatten();
        let found = written.filter_map(|path| values.as_mut()?.follow(&steps(&path.path)));
        found.map(|cursor| cursor.path().clone()).collect()
    }
}

/// A value and an index of the values below it. The index of a map is built when a path first leads through the map, so
/// that thousands of aliases list each map once.
pub(crate) struct ValueIndex<'a> {
    cursor: Cursor<'a>,
    below: Option<HashMap<String, ValueIndex<'a>>>,
}

impl<'a> From<Cursor<'a>> for ValueIndex<'a> {
    fn from(cursor: Cursor<'a>) -> Self {
        Self { cursor, below: None }
    }
}

impl<'a> ValueIndex<'a> {
    fn follow(&mut self, steps: &[String]) -> Option<Cursor<'a>> {
        let Some((step, rest)) = steps.split_first() else {
            return Some(self.cursor.clone());
        };
        let cursor = &self.cursor;
        let below = self.below.get_or_insert_with(|| {
            let items = cursor.items().into_iter().enumerate();
            let items = items.map(|(index, item)| (index.to_string(), item));
            let all = cursor.entries().into_iter().chain(items);
            all.map(|(key, cursor)| (key, cursor.into())).collect()
        });
        let next = match cursor.is_sequence() {
            true => below.get_mut(&step.parse::<usize>().ok()?.to_string()),
            false => below.get_mut(step),
        };
        next?.follow(rest)
    }
}

/// The steps of a dotted path: `a.b`, list items as `a.0` or `a[0]`, a dot in a key as `\.`.
fn steps(path: &str) -> Vec<String> {
    let mut steps = vec![String::new()];
    let mut characters = path.chars();
    while let Some(character) = characters.next() {
        match character {
            '.' | '[' => steps.push(String::new()),
            ']' => {}
            _ => {
                let literal = if character == '\\' {
                    characters.next().unwrap_or('\\')
                } else {
                    character
                };
                if let Some(last) = steps.last_mut() {
                    last.push(literal);
                }
            }
        }
    }
    steps
}
