use crate::model::ObjectId;
use serde::Serialize;
use std::fmt;

/// The built-in groups with a dot in their name. Source: pkg/controlplane/instance.go in k8s.io/kubernetes.
const BUILT_IN: [&str; 17] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// A kind without its version. Watches, inventories and health rules are about a kind in all its versions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct GroupKind {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind, as manifests write it (`Deployment`).
    pub kind: String,
}

impl GroupKind {
    /// A kind of a group; the core group is empty.
    pub fn new(group: impl Into<String>, kind: impl Into<String>) -> Self {
        Self {
            group: group.into(),
            kind: kind.into(),
        }
    }

    /// The kind of an object.
    pub fn of(object: &ObjectId) -> Self {
        Self::new(object.group.as_str(), object.kind.as_str())
    }

    /// Reads `Deployment.apps` and `ConfigMap`, as the ApplySet annotation writes them.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, group) = text.split_once('.').unwrap_or((text, ""));
        (!kind.is_empty()).then(|| Self::new(group, kind))
    }

    /// Whether the API server itself serves the kind, and not a server behind it. The kinds of definitions count as others.
    pub fn is_built_in(&self) -> bool {
        !self.group.contains('.') || BUILT_IN.contains(&self.group.as_str())
    }

    /// Whether this is the built-in kind.
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }
}

/// `Deployment.apps`, `ConfigMap`.
impl fmt::Display for GroupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        Ok(())
    }
}

/// A kind in a version, as a manifest's `apiVersion` and `kind` name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct KindVersion {
    /// Group and kind.
    pub kind: GroupKind,
    /// Version (`v1`).
    pub version: String,
}

impl KindVersion {
    /// From a manifest's `apiVersion` and `kind`.
    pub fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self {
            kind: GroupKind::new(group, kind),
            version: version.to_owned(),
        }
    }

    /// `apps/v1`, `v1`.
    pub fn api_version(&self) -> String {
        if self.kind.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.kind.group, self.version)
        }
    }
}

/// `apps/v1 Deployment`.
impl fmt::Display for KindVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.api_version(), self.kind.kind)
    }
}

/// How the server serves a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedKind {
    /// The kind, in the version that the server serves.
    pub kind: KindVersion,
    /// The resource's name in URLs (`deployments`).
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// Whether it has the subresource `scale`: autoscalers and people may set `spec.replicas`.
    pub scales: bool,
}

impl ServedKind {
    /// The object's id in the cluster: a namespaced object without a namespace gets `default_namespace`, a cluster-scoped
    /// object loses a namespace that was written by mistake.
    pub fn resolve(&self, object: &ObjectId, default_namespace: &str) -> ObjectId {
        let namespace = self
            .namespaced
            .then(|| object.namespace.clone().unwrap_or_else(|| default_namespace.to_owned()));
        ObjectId {
            namespace,
            ..object.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inventory_spelling_of_a_kind_reads_back() {
        for text in ["ConfigMap", "Deployment.apps", "Widget.example.com"] {
            assert_eq!(GroupKind::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(GroupKind::parse(""), None);
        assert_eq!(GroupKind::parse(".apps"), None);
    }

    #[test]
    fn a_namespace_is_filled_in_or_dropped_by_the_scope_of_the_kind() {
        let served = |namespaced| ServedKind {
            kind: KindVersion::new("v1", "Thing"),
            plural: "things".into(),
            namespaced,
            scales: false,
        };
        let bare = ObjectId::new("v1", "Thing", None, "a");
        let placed = ObjectId::new("v1", "Thing", Some("shop"), "a");
        assert_eq!(
            served(true).resolve(&bare, "default").namespace.as_deref(),
            Some("default")
        );
        assert_eq!(
            served(true).resolve(&placed, "default").namespace.as_deref(),
            Some("shop")
        );
        assert_eq!(served(false).resolve(&placed, "default").namespace, None);
    }
}
