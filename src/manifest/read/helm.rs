use crate::manifest::read::images::{Counts, Images, Parts, Trouble};
use crate::manifest::yaml::cursor::{Path, Place};
use crate::model::FieldName;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The name of the image that `spec.values` itself holds.
const TOP: &str = "chart-image";

/// The places that one alias's annotations name.
#[derive(Debug)]
struct Alias<'a> {
    first: Named<'a>,
    registry: Option<Named<'a>>,
    repository: Option<Named<'a>>,
    tag: Option<Named<'a>>,
}

/// A path into the values, and the annotation that says it.
#[derive(Debug, Clone)]
struct Named<'a> {
    path: String,
    annotation: String,
    place: Place<'a>,
}

/// The images of a HelmRelease: at two levels of `spec.values` by their shape, anywhere by annotations. An alias stands
/// instead of what its shape would find under the same name or in the same scalar, which so has one policy.
pub(crate) fn of_release(
    object: &Place<'_>,
    annotations: &[(String, Place<'_>)],
    tokens: &[std::ops::Range<usize>],
) -> Images {
    let mut images = Images::default();
    let values = object.walk(&["spec", "values"]).filter(Place::is_mapping);
    let aliases = aliases(annotations);
    let mut ways = values.clone().map(Ways::from);
    let named: Vec<_> = aliases
        .iter()
        .map(|(name, alias)| (name, by_alias(name, alias, ways.as_mut())))
        .collect();
    let found = named.iter().filter_map(|(_, found)| found.as_ref().ok());
    let taken: HashSet<&Path> = found.map(|parts| parts.main().path()).collect();
    if let Some(values) = &values {
        let candidates = std::iter::once((TOP.to_owned(), values.clone())).chain(values.entries());
        for (name, level) in candidates.filter(|(name, _)| !aliases.contains_key(name)) {
            if let Some(parts) = by_shape(&level).filter(|parts| !taken.contains(parts.main().path())) {
                images.add(FieldName(name), &parts, tokens);
            }
        }
    }
    for (name, found) in named {
        match found {
            Ok(parts) => images.add(FieldName(name.clone()), &parts, tokens),
            Err(trouble) => images.mistakes.push(trouble),
        }
    }
    images.settle(Counts::First);
    images
}

/// Shapes 1 to 4 have a text under `image`, shapes 5 to 8 a map with `repository`.
fn by_shape<'a>(level: &Place<'a>) -> Option<Parts<'a>> {
    let image = level.key("image")?;
    let (holder, repository) = if image.is_mapping() {
        let repository = image.key("repository")?;
        (image, repository)
    } else {
        (level.clone(), image)
    };
    repository.text().filter(|text| !text.is_empty())?;
    let scalar = |key| holder.key(key).filter(|place| place.scalar().is_some());
    Some(Parts {
        registry: scalar("registry"),
        repository,
        tag: scalar("tag"),
        digest: scalar("digest"),
    })
}

fn aliases<'a>(annotations: &[(String, Place<'a>)]) -> BTreeMap<String, Alias<'a>> {
    let mut aliases: BTreeMap<String, Alias<'a>> = BTreeMap::new();
    for ours in [false, true] {
        for (key, place) in annotations {
            let Some((part, name)) = part_of(key, ours) else {
                continue;
            };
            let Some(path) = place.text() else { continue };
            let named = Named {
                path,
                annotation: key.clone(),
                place: place.clone(),
            };
            let alias = aliases.entry(name.to_owned()).or_insert_with(|| Alias {
                first: named.clone(),
                registry: None,
                repository: None,
                tag: None,
            });
            match part {
                Part::Registry => alias.registry = Some(named),
                Part::Repository => alias.repository = Some(named),
                Part::Tag => alias.tag = Some(named),
            }
        }
    }
    aliases
}

enum Part {
    Registry,
    Repository,
    Tag,
}

/// Which part of which alias an annotation names, in our spelling or in Flux v1's.
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

/// Whether an annotation tells where a HelmRelease keeps an image.
pub(crate) fn is_alias(key: &str) -> bool {
    part_of(key, true).or_else(|| part_of(key, false)).is_some()
}

fn by_alias<'a>(name: &str, alias: &Alias<'a>, mut values: Option<&mut Ways<'a>>) -> Result<Parts<'a>, Trouble> {
    let mut find = |named: &Named<'a>| {
        values
            .as_mut()
            .and_then(|values| values.follow(&steps(&named.path)))
            .filter(|place| place.scalar().is_some())
            .ok_or_else(|| Trouble {
                position: named.place.position(),
                message: format!(
                    "{} names {:?}, but spec.values has no text there; mend the path or remove the annotation",
                    named.annotation, named.path
                ),
            })
    };
    let Some(repository) = &alias.repository else {
        let given = &alias.first;
        return Err(Trouble {
            position: given.place.position(),
            message: format!(
                "{} stands alone, so that nothing is known of the image {name}; add tidegate.dev/image.{name} with the path of its repository",
                given.annotation
            ),
        });
    };
    Ok(Parts {
        registry: alias.registry.as_ref().map(&mut find).transpose()?,
        repository: find(repository)?,
        tag: alias.tag.as_ref().map(find).transpose()?,
        digest: None,
    })
}

/// A value and the ones below it, listed when somebody goes there first: thousands of aliases cost one look at each map.
struct Ways<'a> {
    place: Place<'a>,
    below: Option<HashMap<String, Ways<'a>>>,
}

impl<'a> From<Place<'a>> for Ways<'a> {
    fn from(place: Place<'a>) -> Self {
        Self { place, below: None }
    }
}

impl<'a> Ways<'a> {
    fn follow(&mut self, steps: &[String]) -> Option<Place<'a>> {
        let Some((step, rest)) = steps.split_first() else {
            return Some(self.place.clone());
        };
        let place = &self.place;
        let below = self.below.get_or_insert_with(|| {
            let items = place.items().into_iter().enumerate();
            let items = items.map(|(index, item)| (index.to_string(), item));
            let all = place.entries().into_iter().chain(items);
            all.map(|(key, place)| (key, place.into())).collect()
        });
        let next = match place.is_sequence() {
            true => below.get_mut(&step.parse::<usize>().ok()?.to_string()),
            false => below.get_mut(step),
        };
        next?.follow(rest)
    }
}

/// A dotted path: `a.b`, list items as `a.0` or `a[0]`, a dot in a key as `\.`.
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
