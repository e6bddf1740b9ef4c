use crate::model::ObjectId;
use crate::port::ClusterFailure;
use crate::resource::ServedKind;
use kube::api::{ApiResource, DynamicObject};
use kube::core::{DynamicResourceScope, Resource};
use kube::{Api, Client};

/// A kind in kube's terms.
pub(super) fn api_resource(kind: &ServedKind) -> ApiResource {
    ApiResource {
        group: kind.kind.kind.group.clone(),
        version: kind.kind.version.clone(),
        api_version: kind.kind.api_version(),
        kind: kind.kind.kind.kind.clone(),
        plural: kind.plural.clone(),
    }
}

/// The objects of a kind in a namespace; `None`: in the whole cluster.
pub(super) fn api<K>(client: Client, namespace: Option<&str>, resource: &ApiResource) -> Api<K>
where
    K: Resource<DynamicType = ApiResource, Scope = DynamicResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, resource),
        None => Api::all_with(client, resource),
    }
}

/// The URL path of an object's collection. Names that could change the path or the query are rejected.
pub(super) fn collection_path(kind: &ServedKind, id: &ObjectId) -> Result<String, ClusterFailure> {
    for part in [Some(&id.name), id.namespace.as_ref()].into_iter().flatten() {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:@".contains(c);
        if part.is_empty() || part.starts_with("..") || !part.chars().all(is_plain) {
            return Err(ClusterFailure::Refused {
                message: format!("{part:?} is not a valid name or namespace of a Kubernetes object; correct it"),
            });
        }
    }
    Ok(DynamicObject::url_path(&api_resource(kind), id.namespace.as_deref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::KindVersion;

    #[test]
    fn a_name_cannot_lead_a_request_elsewhere() {
        let served = ServedKind {
            kind: KindVersion::new("v1", "ConfigMap"),
            plural: "configmaps".into(),
            namespaced: true,
            scales: false,
        };
        for (namespace, name) in [
            ("shop", "a/b"),
            ("..", "a"),
            ("shop", "a?force=1"),
            ("a%2f", "b"),
            ("shop", ""),
        ] {
            let id = ObjectId {
                group: String::new(),
                kind: "ConfigMap".into(),
                namespace: Some(namespace.into()),
                name: name.into(),
            };
            assert!(collection_path(&served, &id).is_err(), "{namespace} {name}");
        }
        let role = ObjectId::new("v1", "ConfigMap", Some("shop"), "system:node.a-b");
        assert_eq!(
            collection_path(&served, &role).unwrap(),
            "/api/v1/namespaces/shop/configmaps"
        );
    }
}
