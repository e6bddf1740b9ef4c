use serde::Serialize;
use std::fmt;

/// What names an object in a cluster: group, kind, namespace and name. The version is left out: it is a way of
/// looking at an object, not part of which object it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ObjectId {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind, as written (`Deployment`).
    pub kind: String,
    /// Namespace; `None` where the manifest names none (cluster-scoped, or left to the default).
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl ObjectId {
    /// From a manifest's `apiVersion`, `kind` and metadata.
    pub fn new(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> Self {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        Self {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.filter(|n| !n.is_empty()).map(str::to_owned),
            name: name.to_owned(),
        }
    }

    /// Whether it is no object of a cluster but a kustomization or a plain file with images, named by its folder or path.
    pub fn is_named_by_path(&self) -> bool {
        let is_file = self.group.is_empty() && self.kind == "File";
        (is_file || self.group == "kustomize.config.k8s.io") && self.namespace.is_none()
    }
}

/// `Deployment shop/web`, and for other than the built-in groups `HelmRelease.helm.fluxcd.io shop/web`.
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

/// The name of an image field within its object: a container's name, or a HelmRelease values key or alias.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FieldName(pub String);

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which image field: never a file name, so that moving a file does not change it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FieldId {
    /// The object that names the image.
    pub object: ObjectId,
    /// The field within it.
    pub field: FieldName,
}

impl fmt::Display for FieldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.object, self.field)
    }
}
