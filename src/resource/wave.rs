use super::GroupKind;
use serde::Serialize;

/// When an object is applied: each wave starts when the one before is done. Deletion goes the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Wave {
    /// What gives others their place or kind: definitions, namespaces, classes. Waited for until established or active.
    Foundation,
    /// What workloads refer to when their pods start: accounts, rights, configuration, storage, services.
    Support,
    /// Everything else: workloads and custom resources.
    Main,
    /// What calls back into workloads on every request, and would block their own creation: webhooks, API services.
    Gate,
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
            | ("gateway.networking.k8s.io", "GatewayClass") => Self::Foundation,
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
            | ("discovery.k8s.io", "EndpointSlice") => Self::Support,
            ("admissionregistration.k8s.io", _) | ("apiregistration.k8s.io", "APIService") => Self::Gate,
            _ => Self::Main,
        }
    }

    /// Whether later waves need its objects ready, not only applied.
    pub fn is_waited_for(kind: &GroupKind) -> bool {
        kind.is("apiextensions.k8s.io", "CustomResourceDefinition") || kind.is("", "Namespace")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_stand_on_comes_first_and_what_intercepts_them_last() {
        let wave = |text| Wave::of(&GroupKind::parse(text).unwrap());
        assert!(wave("Namespace") < wave("ConfigMap"));
        assert!(wave("CustomResourceDefinition.apiextensions.k8s.io") < wave("Widget.example.com"));
        assert!(wave("ServiceAccount") < wave("Deployment.apps"));
        assert!(wave("ClusterRoleBinding.rbac.authorization.k8s.io") < wave("Job.batch"));
        assert!(wave("PersistentVolumeClaim") < wave("StatefulSet.apps"));
        assert!(wave("Deployment.apps") < wave("ValidatingWebhookConfiguration.admissionregistration.k8s.io"));
        assert_eq!(wave("Service.serving.knative.dev"), Wave::Main);
    }
}
