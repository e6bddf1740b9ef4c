use crate::manifest::Document;
use crate::model::{ConfigBranch, Remote};
use crate::resource::Object;
use serde_json::Value;
use std::collections::BTreeMap;

/// The GitRepository objects of Flux v2 in the repository: they say whether an object of Flux works on the config repo itself
/// or on another repository.
#[derive(Debug, Clone, Default)]
pub struct FluxSources<'a> {
    /// By namespace (empty if none is written) and name.
    repositories: BTreeMap<(String, String), Value>,
    own: Option<&'a ConfigBranch>,
}

/// The API group of Flux v2's sources, in all its versions.
const GROUP: &str = "source.toolkit.fluxcd.io";
/// The branch of a GitRepository that names none.
const DEFAULT_BRANCH: &str = "master";

impl<'a> FluxSources<'a> {
    /// No objects yet, beside the branch that the agent follows. Without it, nothing counts as another repository.
    pub fn new(own: Option<&'a ConfigBranch>) -> Self {
        Self {
            repositories: BTreeMap::new(),
            own,
        }
    }

    /// Whether it is known which branch the agent follows.
    pub(super) fn knows_own(&self) -> bool {
        self.own.is_some()
    }

    /// Adds a document if it is a GitRepository.
    pub fn add(&mut self, document: &Document) {
        self.add_object(&document.object);
    }

    /// Adds an object if it is a GitRepository.
    pub fn add_object(&mut self, object: &Object) {
        let id = &object.id;
        if id.kind == "GitRepository" && id.group == GROUP {
            let key = (id.namespace.clone().unwrap_or_default(), id.name.clone());
            self.repositories.entry(key).or_insert_with(|| object.value.value());
        }
    }

    /// Whether an object is known to work on another repository or branch than ours. `branch` is the branch that the object
    /// itself names; without it, the branch of its source counts. What is not known counts as ours: two programs must not work
    /// on one branch.
    pub fn is_elsewhere(&self, object: &Value, branch: Option<&str>) -> bool {
        let Some(own) = self.own else { return false };
        let source = self.source(object);
        let url = source
            .and_then(|source| text(source, "/spec/url"))
            .and_then(Remote::parse);
        if let (Some(theirs), Some(ours)) = (url, &own.remote)
            && !theirs.is_same(ours)
        {
            return true;
        }
        let followed = || followed_branch(source?.pointer("/spec/ref"));
        let branch = branch.or_else(followed);
        branch.is_some_and(|branch| branch != own.branch.as_str())
    }

    /// The branch that an object names, or that of its source, if one is known.
    pub(super) fn branch<'o>(&'o self, object: &Value, named: Option<&'o str>) -> Option<&'o str> {
        named.or_else(|| followed_branch(self.source(object)?.pointer("/spec/ref")))
    }

    /// The GitRepository that an object names in `spec.sourceRef`; by name alone if its file has no namespace.
    fn source<'o>(&'o self, object: &Value) -> Option<&'o Value> {
        let name = text(object, "/spec/sourceRef/name")?;
        let namespace = text(object, "/spec/sourceRef/namespace").or_else(|| text(object, "/metadata/namespace"));
        let of = |namespace: &str| self.repositories.get(&(namespace.to_owned(), name.to_owned()));
        of(namespace.unwrap_or_default()).or_else(|| of(""))
    }
}

/// The branch that a reference follows; `None` if it follows a tag, a version or a commit, which may be on any branch.
pub(super) fn followed_branch(reference: Option<&Value>) -> Option<&str> {
    let Some(reference) = reference else {
        return Some(DEFAULT_BRANCH);
    };
    let part = |key: &str| {
        let text = reference.get(key).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    };
    if let Some(name) = part("name") {
        return name.strip_prefix("refs/heads/");
    }
    if part("semver").or_else(|| part("tag")).is_some() {
        return None;
    }
    match (part("branch"), part("commit")) {
        (Some(branch), _) => Some(branch),
        (None, Some(_)) => None,
        (None, None) => Some(DEFAULT_BRANCH),
    }
}

/// The text at a pointer.
pub(super) fn text<'o>(object: &'o Value, pointer: &str) -> Option<&'o str> {
    object.pointer(pointer).and_then(Value::as_str)
}
