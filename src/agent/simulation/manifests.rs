//! The files that people write in a run, and a reader of them that knows nothing of the agent's own: it looks at lines.

use super::git_server::Tree;
use crate::model::BlobId;
use std::collections::BTreeMap;

/// The registry of all images.
pub(super) const HOST: &str = "registry.example";

/// A version as the model orders it; `None` for a tag that is no version.
pub(super) type Version = (u64, u64, u64);

/// What a file declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Declared {
    /// The file is no YAML.
    Broken,
    Workload {
        name: String,
        /// The repository below [`HOST`].
        repository: String,
        tag: String,
        locked: bool,
    },
    Settings {
        name: String,
        value: String,
    },
}

impl Declared {
    /// The text of a manifest.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Broken => "kind: [\n".to_owned(),
            Self::Workload {
                name,
                repository,
                tag,
                locked,
            } => {
                let lock = if *locked {
                    "    tidegate.dev/locked: \"true\"\n"
                } else {
                    ""
                };
                format!(
                    "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: shop\n  annotations:\n    \
                     tidegate.dev/automated: \"true\"\n    tidegate.dev/policy: \"semver:*\"\n{lock}spec:\n  template:\n    \
                     spec:\n      containers:\n      - name: app\n        image: {HOST}/{repository}:{tag} # the shop's front\n"
                )
            }
            Self::Settings { name, value } => format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: shop\ndata:\n  value: \"{value}\"\n"
            ),
        }
    }

    /// Reads a file of [`Self::text`], also after a tag was edited.
    pub(super) fn read(text: &str) -> Self {
        let after = |key: &str| {
            let mut lines = text.lines().map(str::trim_start);
            lines.find_map(|line| line.strip_prefix(key)).map(str::trim)
        };
        let name = after("name: ").unwrap_or_default().to_owned();
        match after("kind: ") {
            Some("Deployment") => {
                let image = after("image: ").and_then(|rest| rest.split(' ').next());
                let (path, tag) = image.and_then(|image| image.rsplit_once(':')).unwrap_or_default();
                let repository = path.strip_prefix(HOST).unwrap_or(path).trim_start_matches('/');
                Self::Workload {
                    name,
                    repository: repository.to_owned(),
                    tag: tag.to_owned(),
                    locked: after("tidegate.dev/locked: ").is_some(),
                }
            }
            Some("ConfigMap") => Self::Settings {
                name,
                value: after("value: ").unwrap_or_default().trim_matches('"').to_owned(),
            },
            _ => Self::Broken,
        }
    }

    /// The object's identity in the model: `Deployment/web`.
    pub(super) fn key(&self) -> Option<String> {
        match self {
            Self::Broken => None,
            Self::Workload { name, .. } => Some(format!("Deployment/{name}")),
            Self::Settings { name, .. } => Some(format!("ConfigMap/{name}")),
        }
    }

    /// What an object of the cluster must have.
    pub(super) fn content(&self) -> Option<String> {
        match self {
            Self::Broken => None,
            Self::Workload { repository, tag, .. } => Some(format!("{HOST}/{repository}:{tag}")),
            Self::Settings { value, .. } => Some(value.clone()),
        }
    }
}

/// What a commit declares: its objects by key, and whether each file could be read.
#[derive(Debug, Clone, Default)]
pub(super) struct Declares {
    pub(super) objects: BTreeMap<String, Declared>,
    pub(super) complete: bool,
}

/// Reads all files of a tree.
pub(super) fn declares(tree: &Tree, text: impl Fn(&BlobId) -> Declared) -> Declares {
    // An empty branch looks like a wrong one: nothing is concluded from it.
    let mut declares = Declares {
        complete: !tree.is_empty(),
        ..Declares::default()
    };
    for blob in tree.values() {
        let declared = text(blob);
        match declared.key() {
            Some(key) => drop(declares.objects.insert(key, declared)),
            None => declares.complete = false,
        }
    }
    declares
}

/// Reads a tag as a version.
pub(super) fn version(tag: &str) -> Option<Version> {
    let mut parts = tag.split('.').map(|part| part.parse().ok());
    let version = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(version)
}
