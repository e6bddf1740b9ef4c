use crate::manifest::image_field::MarkerPolicy;
use crate::manifest::markers::scalars::Parent;
use crate::manifest::read::image_site::ScalarSpan;
use crate::manifest::read::images::{ImageParts, compose};
use crate::manifest::yaml::cursor::Cursor;
use crate::model::ImageRef;
use std::ops::Range;

/// The placeholder for a repository that another file names.
const PLACEHOLDER: &str = "imagepolicy.invalid/unnamed";

/// The repository of a tag or a digest that has a scalar of its own.
pub(crate) struct TagRepository {
    pub name: ImageRef,
    /// Whether this file names the repository.
    pub is_known: bool,
    pub registry: Option<ScalarSpan>,
    pub repository: Option<ScalarSpan>,
}

impl TagRepository {
    /// The repository that this file names. In order of precedence: the marker itself (`named`), a value in the same map
    /// with a marker of its own (`marked`), or a value in the same map under a key that charts use for a name.
    ///
    /// The key `name` counts only for a marker of `tidegate.dev`. In a map with a marker of Flux it is more often the
    /// name of a variable, and the ImagePolicy names the repository.
    ///
    /// # Errors
    /// The file names no repository, or the name cannot be read.
    pub(crate) fn in_file(
        parent: Option<&Parent<'_>>,
        policy: &MarkerPolicy,
        named: Option<&str>,
        marked: Option<ScalarSpan>,
        tokens: &[Range<usize>],
    ) -> Result<Self, String> {
        let sibling = |key: &str| parent?.names.get(key).cloned();
        let span = |cursor: &Cursor<'_>| ScalarSpan::of(cursor, tokens);
        let registry = sibling("registry");
        let mut repository = ["repository", "image", "newName"].into_iter().find_map(sibling);
        if matches!(policy, MarkerPolicy::Text(_)) {
            repository = repository.or_else(|| sibling("name"));
        }
        let name = match (named, &marked, &repository) {
            (Some(named), ..) => named.to_owned(),
            (None, Some(marked), _) => marked.text.clone(),
            (None, None, Some(repository)) => {
                let parts = ImageParts {
                    registry: registry.clone(),
                    ..ImageParts::whole(repository.clone())
                };
                compose(&parts)?.name().to_owned()
            }
            (None, None, None) => {
                return Err("is for a tag that has no repository in the same map; write # tidegate.dev/tag of <repository>: <policy>, or mark the name, too".to_owned());
            }
        };
        let is_sibling = named.is_none() && marked.is_none();
        Ok(Self {
            name: ImageRef::parse(&name).map_err(|error| error.to_string())?,
            is_known: true,
            registry: registry.filter(|_| is_sibling).and_then(|cursor| span(&cursor)),
            repository: marked.or(repository.filter(|_| is_sibling).and_then(|cursor| span(&cursor))),
        })
    }

    /// The repository of the marker's ImagePolicy, which another file names.
    pub(crate) fn of_policy() -> Result<Self, String> {
        Ok(Self {
            name: ImageRef::parse(PLACEHOLDER).map_err(|error| error.to_string())?,
            is_known: false,
            registry: None,
            repository: None,
        })
    }
}
