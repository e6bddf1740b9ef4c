use crate::manifest::Document;
use crate::model::RepoPath;
use serde_json::{Map, Value};
use std::rc::Rc;

/// An object on its way through kustomizations. The tags of its images are marks, which say where each tag comes from.
#[derive(Debug, Clone)]
pub(super) struct Object<'a> {
    /// The value, shared between the overlays until one of them changes it.
    pub(super) value: Rc<Value>,
    /// About how many bytes of memory the value takes.
    pub(super) weight: usize,
    /// The names that the object had before: patches may still use them.
    pub(super) former: Vec<Identity>,
    /// The file that declares the object.
    pub(super) path: &'a RepoPath,
    /// The document that declares the object.
    pub(super) document: &'a Document,
    /// The document's annotations that automation reads, see [`automation_annotations`].
    pub(super) written: Rc<[(String, Value)]>,
    /// Whether a patch was merged into the part of the object that may hold images.
    pub(super) is_merged: bool,
    /// Why the images of the object cannot be followed, if they cannot.
    pub(super) refusal: Option<Rc<str>>,
}

/// The annotations of an object that automation reads.
pub(super) fn automation_annotations(value: &Value) -> Vec<(String, Value)> {
    let all = value.pointer("/metadata/annotations").and_then(Value::as_object);
    let all = all.into_iter().flatten();
    let prefixes = ["tidegate.dev/", "fluxcd.io/", "flux.weave.works/"];
    all.filter(|(key, _)| prefixes.iter().any(|prefix| key.contains(prefix)))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Whether an object, or a part of one, is a HelmRelease.
pub(super) fn is_release(value: &Value) -> bool {
    value.get("kind").is_some_and(|kind| kind == "HelmRelease")
}

/// How kustomize tells objects apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) namespace: Option<String>,
}

impl Identity {
    pub(super) fn of(value: &Value) -> Self {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let api_version = text("/apiVersion");
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: text("/kind").to_owned(),
            name: text("/metadata/name").to_owned(),
            namespace: Some(text("/metadata/namespace"))
                .filter(|namespace| !namespace.is_empty())
                .map(str::to_owned),
        }
    }

    /// The namespace; kustomize takes an absent one for `default`.
    pub(super) fn effective_namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or("default")
    }

    fn is_same(&self, other: &Self) -> bool {
        self.is_like(other) && self.effective_namespace() == other.effective_namespace()
    }

    /// Whether the two may mean the same object: one of them leaves the namespace open.
    fn is_similar(&self, other: &Self) -> bool {
        let namespaces = self.namespace.as_ref().zip(other.namespace.as_ref());
        self.is_like(other) && namespaces.is_none_or(|(one, other)| one == other)
    }

    fn is_like(&self, other: &Self) -> bool {
        (&self.group, &self.kind, &self.name) == (&other.group, &other.kind, &other.name)
    }
}

impl Object<'_> {
    pub(super) fn identity(&self) -> Identity {
        Identity::of(&self.value)
    }

    /// The first identity, as the file has it.
    pub(super) fn original(&self) -> Identity {
        self.former.first().cloned().unwrap_or_else(|| self.identity())
    }

    /// Whether a patch without a target is for the object.
    pub(super) fn is_named(&self, patch: &Identity) -> bool {
        self.former.iter().any(|id| id.is_same(patch)) || self.identity().is_same(patch)
    }

    /// Whether a patch without a target is for the object, if a namespace that is absent may be any.
    pub(super) fn may_be_named(&self, patch: &Identity) -> bool {
        self.former.iter().any(|id| id.is_similar(patch)) || self.identity().is_similar(patch)
    }

    /// Whether others have the value too, so that a change copies the value.
    pub(super) fn is_shared(&self) -> bool {
        Rc::strong_count(&self.value) > 1
    }

    pub(super) fn is_release(&self) -> bool {
        is_release(&self.value)
    }

    /// Whether kustomize leaves the object out of what it renders.
    pub(super) fn is_local(&self) -> bool {
        let annotation = self
            .value
            .pointer("/metadata/annotations/config.kubernetes.io~1local-config");
        annotation.is_some_and(|text| text != "false")
    }

    /// Remembers the identity, which is about to change.
    pub(super) fn keep_identity(&mut self) {
        let identity = self.identity();
        if self.former.last() != Some(&identity) {
            self.former.push(identity);
        }
    }

    /// The metadata, to change it.
    pub(super) fn metadata(&mut self) -> Option<&mut Map<String, Value>> {
        let value = Rc::make_mut(&mut self.value).as_object_mut()?;
        let metadata = value.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        metadata.as_object_mut()
    }

    /// Writes labels or annotations.
    pub(super) fn annotate(&mut self, key: &str, pairs: &[(String, String)]) {
        if pairs.is_empty() {
            return;
        }
        let Some(metadata) = self.metadata() else { return };
        let map = metadata.entry(key).or_insert_with(|| Value::Object(Map::new()));
        if map.is_null() {
            *map = Value::Object(Map::new());
        }
        if let Some(map) = map.as_object_mut() {
            map.extend(pairs.iter().map(|(key, value)| (key.clone(), value.clone().into())));
        }
    }

    /// Says that the images of the object cannot be followed. The first reason stays.
    pub(super) fn refuse(&mut self, reason: impl FnOnce() -> String) {
        if self.refusal.is_none() {
            self.refusal = Some(reason().into());
        }
    }
}
