use crate::spread::NamespaceFacts;
use k8s_openapi::api::core::v1::Namespace;

/// The name of a namespace, and what is known of it.
pub(in crate::cluster) fn namespace_facts(namespace: Namespace) -> (String, NamespaceFacts) {
    let phase = namespace.status.and_then(|status| status.phase);
    let facts = NamespaceFacts {
        is_ending: namespace.metadata.deletion_timestamp.is_some() || phase.as_deref() == Some("Terminating"),
        labels: namespace.metadata.labels.unwrap_or_default(),
    };
    (namespace.metadata.name.unwrap_or_default(), facts)
}
