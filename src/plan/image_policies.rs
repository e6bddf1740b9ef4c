use super::flux_sources::{FluxSources, followed_branch, text};
use crate::manifest::Document;
use crate::model::{ConfigBranch, ImageRef, RepoPath};
use crate::policy::{InvalidPolicy, Policy};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// The `ImagePolicy`, `ImageRepository` and `ImageUpdateAutomation` objects of Flux v2 in the repository, for the markers that
/// name them.
#[derive(Debug, Clone, Default)]
pub struct ImagePolicies<'a> {
    policies: Objects<'a>,
    repositories: Objects<'a>,
    /// The ImageUpdateAutomations that are not suspended: Flux v2 writes markers itself.
    writers: Vec<Object>,
    sources: FluxSources<'a>,
}

/// Objects by namespace (empty if none is written) and name. The first of two objects with one name counts.
type Objects<'a> = BTreeMap<(&'a str, &'a str), Object>;

#[derive(Debug, Clone)]
struct Object {
    value: Value,
    /// File, line and column.
    location: String,
}

/// The API group of Flux v2's image policies, in all its versions.
const GROUP: &str = "image.toolkit.fluxcd.io";

impl<'a> ImagePolicies<'a> {
    /// Finds the objects among documents. Each document comes with its file.
    pub fn among<F: fmt::Display>(documents: impl IntoIterator<Item = (F, &'a Document)>) -> Self {
        Self::of_repository(None, documents)
    }

    /// Finds the objects among the documents of the branch that the agent follows.
    pub fn of_repository<F: fmt::Display>(
        own: Option<&'a ConfigBranch>,
        documents: impl IntoIterator<Item = (F, &'a Document)>,
    ) -> Self {
        let mut found = Self {
            sources: FluxSources::new(own),
            ..Self::default()
        };
        for (file, document) in documents {
            found.sources.add(document);
            let id = &document.object.id;
            let objects = match &*id.kind {
                "ImagePolicy" => &mut found.policies,
                "ImageRepository" => &mut found.repositories,
                "ImageUpdateAutomation" if id.group == GROUP => {
                    let value = document.object.value.value();
                    let is_suspended = value.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true);
                    found.writers.extend((!is_suspended).then(|| Object {
                        value,
                        location: format!("{id} in {file}:{}", document.position),
                    }));
                    continue;
                }
                _ => continue,
            };
            if id.group == GROUP {
                let key = (id.namespace.as_deref().unwrap_or_default(), &*id.name);
                objects.entry(key).or_insert_with(|| Object {
                    value: document.object.value.value(),
                    location: format!("{file}:{}", document.position),
                });
            }
        }
        found
    }

    /// The ImageUpdateAutomation of Flux v2 that writes the markers of a file to the same branch, if there is one.
    pub fn writer(&self, path: &RepoPath) -> Option<&str> {
        let mut writers = self.writers.iter();
        let writer = writers.find(|writer| self.writes(&writer.value, path));
        writer.map(|writer| writer.location.as_str())
    }

    /// Whether an ImageUpdateAutomation writes a file to our branch. Where our branch is not known, it is the branch that the
    /// automation follows.
    fn writes(&self, automation: &Value, path: &RepoPath) -> bool {
        let checkout = automation.pointer("/spec/git/checkout/ref");
        let named = checkout.and_then(|reference| followed_branch(Some(reference)));
        let pushed = text(automation, "/spec/git/push/branch").filter(|branch| !branch.is_empty());
        let followed = self.sources.branch(automation, named);
        let is_aside = !self.sources.knows_own() && pushed.is_some() && pushed != followed;
        if is_aside || self.sources.is_elsewhere(automation, pushed.or(named)) {
            return false;
        }
        let folder = text(automation, "/spec/update/path").unwrap_or_default();
        let folder = RepoPath::parse(folder.trim_start_matches("./").trim_start_matches('/'));
        folder.is_ok_and(|folder| path.is_within(&folder))
    }

    /// Whether an ImagePolicy has this name.
    pub fn has(&self, namespace: &str, name: &str) -> bool {
        find(&self.policies, namespace, name).is_some()
    }

    /// The policy of an ImagePolicy, with the exclusions of its ImageRepository if that is in the repository.
    ///
    /// # Errors
    /// An object is missing or cannot be used. The error names the object.
    pub fn policy(&self, namespace: &str, name: &str) -> Result<Policy, String> {
        let object = self.object(namespace, name)?;
        let policy = Policy::from_image_policy(&object.value).map_err(|error| object.error(error))?;
        let repository = named_repository(&object.value, namespace);
        let repository = repository.and_then(|(namespace, name)| find(&self.repositories, namespace, name));
        match repository {
            None => Ok(policy),
            Some(repository) => policy
                .over_image_repository(&repository.value)
                .map_err(|error| repository.error(error)),
        }
    }

    /// The repository whose tags an ImagePolicy chooses from: `spec.image` of its ImageRepository. Without a namespace in the
    /// reference the ImageRepository is in the policy's namespace.
    ///
    /// # Errors
    /// An object is missing or cannot be used. The error names the object.
    pub fn repository(&self, namespace: &str, name: &str) -> Result<ImageRef, String> {
        let (repository_namespace, repository_name) = named_repository(&self.object(namespace, name)?.value, namespace)
            .ok_or_else(|| {
                format!("ImagePolicy {namespace}/{name} names no repository; write spec.imageRepositoryRef.name")
            })?;
        let repository = find(&self.repositories, repository_namespace, repository_name).ok_or_else(|| {
            format!(
                "there is no ImageRepository {repository_namespace}/{repository_name} in the repository, which ImagePolicy \
                 {namespace}/{name} names; add it"
            )
        })?;
        let image = text(&repository.value, "/spec/image").unwrap_or_default();
        ImageRef::parse(image)
            .ok()
            .filter(|image| image.tag().is_none() && image.digest().is_none())
            .ok_or_else(|| {
                format!(
                    "spec.image of ImageRepository {repository_namespace}/{repository_name} is {image:?}, which is not \
                     registry/name; correct it in {}",
                    repository.location
                )
            })
    }

    fn object<'o>(&'o self, namespace: &'o str, name: &'o str) -> Result<&'o Object, String> {
        find(&self.policies, namespace, name).ok_or_else(|| {
            format!(
                "there is no ImagePolicy {namespace}/{name} in the repository; add it or write # tidegate.dev/image: <policy>"
            )
        })
    }
}

impl Object {
    fn error(&self, error: InvalidPolicy) -> String {
        format!("{error}; see {}", self.location)
    }
}

/// Namespace and name of the ImageRepository that an ImagePolicy names. The default namespace is the policy's own.
fn named_repository<'a>(policy: &'a Value, namespace: &'a str) -> Option<(&'a str, &'a str)> {
    let name = text(policy, "/spec/imageRepositoryRef/name")?;
    Some((
        text(policy, "/spec/imageRepositoryRef/namespace").unwrap_or(namespace),
        name,
    ))
}

/// An object by namespace and name, or by name alone: kustomizations often set the namespace, so the file has none.
fn find<'o>(objects: &'o Objects<'o>, namespace: &'o str, name: &'o str) -> Option<&'o Object> {
    objects.get(&(namespace, name)).or_else(|| objects.get(&("", name)))
}
