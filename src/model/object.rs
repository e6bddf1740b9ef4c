use serde::Serialize;
use std::fmt;

/// The identity of an object in a cluster: group, kind, namespace and name. The API version is not part of the identity: a
/// cluster serves the same object under each version of its group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ObjectId {
    /// The API group. The core group is the empty string.
    pub group: String,
    /// The kind as written in the manifest (`Deployment`).
    pub kind: String,
    /// The namespace. `None`: the manifest names no namespace, because the object is cluster-scoped or takes the default.
    pub namespace: Option<String>,
    /// The name (`metadata.name`).
    pub name: String,
}

impl ObjectId {
    /// Makes the identity from a manifest's `apiVersion`, `kind` and metadata. An empty namespace counts as none.
    pub fn new(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> Self {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        Self {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.filter(|n| !n.is_empty()).map(str::to_owned),
            name: name.to_owned(),
        }
    }

    /// Whether this identity, as a file has it, may be that of `object` in a cluster: without a namespace, the file leaves it to the
    /// cluster.
    pub fn names(&self, object: &Self) -> bool {
        let is_kind = (&self.group, &self.kind, &self.name) == (&object.group, &object.kind, &object.name);
        is_kind && (self.namespace.is_none() || self.namespace == object.namespace)
    }

    /// Whether this is a kustomization, named by its folder, or a plain file with images, named by its path. Neither is an
    /// object of a cluster.
    pub fn is_named_by_path(&self) -> bool {
        let is_file = self.group.is_empty() && self.kind == "File";
        (is_file || self.group == "kustomize.config.k8s.io") && self.namespace.is_none()
    }
}

/// `Deployment shop/web`. The group is shown only if it is not built in: `HelmRelease.helm.fluxcd.io shop/web`.
impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if self.group.contains('.') && !self.group.ends_with(".k8s.io") {
            write!(f, ".{}", self.group)?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, " {namespace}/{}", self.name),
            None => write!(f, " {}", self.name),
        }
    }
}

/// The name of an image field within its object: a container's name, or the key or alias of a HelmRelease's values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FieldName(pub String);

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identity of an image field. It contains no file name, so it stays the same when the file moves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FieldId {
    /// The object that names the image.
    pub object: ObjectId,
    /// The field within that object.
    pub field: FieldName,
}

impl fmt::Display for FieldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.object, self.field)
    }
}
