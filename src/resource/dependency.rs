use crate::model::ObjectId;
use std::fmt;

/// Nobody waits for more objects than this.
const MAX_DEPENDENCIES: usize = 64;

/// An object that another one waits for, as the annotation `depends-on` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The API group; `None`: any.
    pub group: Option<String>,
    /// The kind.
    pub kind: String,
    /// The namespace; `None`: that of the object that waits, or none.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl Dependency {
    /// Reads a list, separated by commas: `Deployment/db`, `Deployment.apps/db`, with a namespace `Deployment/shop/db` or
    /// `shop/Deployment/db`, and the form of cli-utils (`config.kubernetes.io/depends-on`), `apps/namespaces/shop/Deployment/db` or
    /// `rbac.authorization.k8s.io/ClusterRole/reader`. `None` if an item has none of these forms.
    pub fn parse_list(text: &str) -> Option<Vec<Self>> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let all: Vec<Self> = items.map(Self::parse).collect::<Option<_>>()?;
        (!all.is_empty() && all.len() <= MAX_DEPENDENCIES).then_some(all)
    }

    fn parse(item: &str) -> Option<Self> {
        let parts: Vec<&str> = item.split('/').map(str::trim).collect();
        let is_kind = |part: &str| part.starts_with(|first: char| first.is_ascii_uppercase());
        let of = |kind: &str, namespace: Option<&str>, name: &str| {
            let (kind, group) = match kind.split_once('.') {
                Some((kind, group)) => (kind, Some(group.to_owned())),
                None => (kind, None),
            };
            Self {
                group,
                kind: kind.to_owned(),
                namespace: namespace.map(str::to_owned),
                name: name.to_owned(),
            }
        };
        if parts.iter().skip(1).any(|part| part.is_empty()) {
            return None;
        }
        match parts.as_slice() {
            [kind, name] if is_kind(kind) => Some(of(kind, None, name)),
            [kind, namespace, name] if is_kind(kind) => Some(of(kind, Some(namespace), name)),
            // A namespace has no dot, and the group of a cluster-scoped kind has one.
            [group, kind, name] if is_kind(kind) && group.contains('.') => Some(Self {
                group: Some((*group).to_owned()),
                ..of(kind, None, name)
            }),
            [namespace, kind, name] if is_kind(kind) && !namespace.is_empty() => Some(of(kind, Some(namespace), name)),
            [group, "namespaces", namespace, kind, name] if is_kind(kind) => Some(Self {
                group: Some((*group).to_owned()),
                ..of(kind, Some(namespace), name)
            }),
            _ => None,
        }
    }

    /// Whether an object that `from` depends on is this one. Both ids have their final namespaces.
    pub fn means(&self, id: &ObjectId, from: &ObjectId) -> bool {
        let is_in_namespace = match &self.namespace {
            Some(namespace) => id.namespace.as_ref() == Some(namespace),
            None => id.namespace.is_none() || id.namespace == from.namespace,
        };
        let is_in_group = self.group.as_ref().is_none_or(|group| *group == id.group);
        is_in_group && is_in_namespace && (&self.kind, &self.name) == (&id.kind, &id.name)
    }

    /// About how many bytes of memory the dependency takes on the heap.
    pub(crate) fn weight(&self) -> usize {
        let group = self.group.as_ref().map_or(0, String::len);
        let namespace = self.namespace.as_ref().map_or(0, String::len);
        std::mem::size_of::<Self>() + group + namespace + self.kind.len() + self.name.len()
    }
}

/// `Deployment shop/db`.
impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if let Some(group) = self.group.as_ref().filter(|group| !group.is_empty()) {
            write!(f, ".{group}")?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, " {namespace}/{}", self.name),
            None => write!(f, " {}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_written_form_names_the_same_object() {
        let db = ObjectId::new("apps/v1", "Deployment", Some("shop"), "db");
        let web = ObjectId::new("apps/v1", "Deployment", Some("shop"), "web");
        let other = ObjectId::new("apps/v1", "Deployment", Some("other"), "web");
        let rows = [
            ("Deployment/db", true, false),
            (" Deployment.apps/db ", true, false),
            ("Deployment/shop/db", true, true),
            ("shop/Deployment/db", true, true),
            ("apps/namespaces/shop/Deployment/db", true, true),
            ("Deployment.example.com/db", false, false),
            ("StatefulSet/db", false, false),
            ("Deployment/web", false, false),
        ];
        for (text, from_shop, from_other) in rows {
            let all = Dependency::parse_list(text).unwrap();
            let means = |from: &ObjectId| all.iter().any(|one| one.means(&db, from));
            assert_eq!((means(&web), means(&other)), (from_shop, from_other), "{text}");
        }
        let role = ObjectId::new("rbac.authorization.k8s.io/v1", "ClusterRole", None, "reader");
        for text in ["ClusterRole/reader", "rbac.authorization.k8s.io/ClusterRole/reader"] {
            assert!(Dependency::parse_list(text).unwrap()[0].means(&role, &web), "{text}");
        }
    }

    #[test]
    fn what_is_no_list_of_objects_is_refused() {
        assert_eq!(Dependency::parse_list("Deployment/a, Job/b,").unwrap().len(), 2);
        for text in [
            "",
            ",",
            "db",
            "deployment/db",
            "Deployment/",
            "Deployment//db",
            "a/b/c/d",
            "/Deployment/db",
        ] {
            assert_eq!(Dependency::parse_list(text), None, "{text}");
        }
        let many = vec!["Job/a"; MAX_DEPENDENCIES + 1].join(",");
        assert_eq!(Dependency::parse_list(&many), None);
    }
}
