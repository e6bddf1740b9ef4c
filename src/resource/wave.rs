use super::kind::GroupKind;
use serde::Serialize;

/// When an object is applied: each wave starts when the wave before has ended. Deletions run in the reverse order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Wave {
    /// Definitions, namespaces and classes, which other objects need as their kind, namespace or class. The wave ends when
    /// definitions are established and namespaces active.
    Definitions,
    /// What workloads refer to when their pods start: accounts, rights, configuration, storage, services.
    Configuration,
    /// Workloads, custom resources and everything else.
    Workloads,
    /// Webhooks and API services: they call workloads on every request, and would block the creation of these workloads.
    Webhooks,
}

impl Wave {
    /// The wave of a kind.
    pub fn of(kind: &GroupKind) -> Self {
        match (kind.group.as_str(), kind.kind.as_str()) {
            ("apiextensions.k8s.io", "CustomResourceDefinition")
            | ("", "Namespace")
            | ("scheduling.k8s.io", "PriorityClass")
            | ("storage.k8s.io", "StorageClass" | "CSIDriver" | "VolumeAttributesClass")
            | ("node.k8s.io", "RuntimeClass")
            | ("networking.k8s.io", "IngressClass")
            | ("gateway.networking.k8s.io", "GatewayClass") => Self::Definitions,
            (
                "",
                "ServiceAccount"
                | "ConfigMap"
                | "Secret"
                | "PersistentVolume"
                | "PersistentVolumeClaim"
                | "Service"
                | "LimitRange"
                | "ResourceQuota"
                | "Endpoints",
            )
            | ("rbac.authorization.k8s.io", _)
            | ("networking.k8s.io", "NetworkPolicy")
            | ("discovery.k8s.io", "EndpointSlice") => Self::Configuration,
            ("admissionregistration.k8s.io", _) | ("apiregistration.k8s.io", "APIService") => Self::Webhooks,
            _ => Self::Workloads,
        }
    }

    /// Whether later waves need objects of this kind ready, and not only applied.
    pub fn is_waited_for(kind: &GroupKind) -> bool {
        kind.is("apiextensions.k8s.io", "CustomResourceDefinition") || kind.is("", "Namespace")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_come_first_and_webhooks_last() {
        let wave = |text| Wave::of(&GroupKind::parse(text).unwrap());
        assert!(wave("Namespace") < wave("ConfigMap"));
        assert!(wave("CustomResourceDefinition.apiextensions.k8s.io") < wave("Widget.example.com"));
        assert!(wave("ServiceAccount") < wave("Deployment.apps"));
        assert!(wave("ClusterRoleBinding.rbac.authorization.k8s.io") < wave("Job.batch"));
        assert!(wave("PersistentVolumeClaim") < wave("StatefulSet.apps"));
        assert!(wave("Deployment.apps") < wave("ValidatingWebhookConfiguration.admissionregistration.k8s.io"));
        assert_eq!(wave("Service.serving.knative.dev"), Wave::Workloads);
    }
}
