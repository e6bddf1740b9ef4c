use super::field_set::has_field;
use super::fingerprint::{FieldsEntry, REPLICAS};
use serde_json::Value;

/// Tools that people type into. The name before the slash of the user agent is the field manager of a client that names none.
const PEOPLE: [&str; 7] = ["kubectl", "k9s", "lens", "openlens", "freelens", "oc", "dashboard"];

/// What libraries and browsers call themselves: whoever wrote so did not say who wrote.
const UNNAMED: [&str; 13] = [
    "",
    "unknown",
    "go-http-client",
    "mozilla",
    "curl",
    "wget",
    "httpie",
    "python-requests",
    "openapi-generator",
    "node-fetch",
    "axios",
    "okhttp",
    "postmanruntime",
];

/// Tools that write whole manifests, and that the agent takes over from.
const MANIFEST_TOOLS: [&str; 18] = [
    "kubectl",
    "kubectl-client-side-apply",
    "kubectl-last-applied",
    "helm",
    "helm-operator",
    "helm-controller",
    "tiller",
    "flux",
    "fluxd",
    "kustomize-controller",
    "kustomize",
    "terraform",
    "hashicorp",
    "pulumi-kubernetes",
    "werf",
    "skaffold",
    "kapp",
    "argocd",
];

/// Who wrote the fields of an entry of `managedFields`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    /// The agent.
    Agent,
    /// A person, by a tool or by a client that does not say its name.
    Person,
    /// A controller, or a tool that deploys.
    Other,
}

impl Writer {
    /// Who wrote an entry. Writers of a subresource (`status`, `scale`, `ephemeralcontainers`) are controllers, and people
    /// who use what the server offers beside the manifest.
    pub(super) fn of(entry: &FieldsEntry<'_>) -> Self {
        if entry.is_own() {
            return Self::Agent;
        }
        let name = entry.manager.to_ascii_lowercase();
        let is_person = PEOPLE.iter().any(|tool| is_tool(&name, tool));
        let is_unnamed = entry.operation == "Update" && UNNAMED.contains(&name.as_str());
        match entry.subresource.is_empty() && (is_person || is_unnamed) {
            true => Self::Person,
            false => Self::Other,
        }
    }
}

/// Whether the replicas of a live object are set by a controller, such as an autoscaler, and not by a person who scaled it.
pub fn is_autoscaled(entries: &[Value]) -> bool {
    entries.iter().any(|entry| {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let manager = text("manager").to_ascii_lowercase();
        let is_person = PEOPLE.iter().any(|tool| is_tool(&manager, tool)) || UNNAMED.contains(&manager.as_str());
        let owns = entry.get("fieldsV1").is_some_and(|fields| has_field(fields, &REPLICAS));
        text("subresource") == "scale" && owns && !is_person
    })
}

/// Whether an entry is what a tool made of a whole manifest.
pub(super) fn is_manifest(entry: &FieldsEntry<'_>) -> bool {
    entry.subresource.is_empty() && is_manifest_tool(entry.manager)
}

/// Whether this field manager writes whole manifests.
pub(super) fn is_manifest_tool(manager: &str) -> bool {
    let name = manager.to_ascii_lowercase();
    let mut families = ["argocd-", "pulumi-", "kapp-"].iter();
    MANIFEST_TOOLS.contains(&name.as_str()) || families.any(|start| name.starts_with(start))
}

/// `kubectl` and `kubectl-edit` are kubectl, `kubectlfoo` is not.
fn is_tool(name: &str, tool: &str) -> bool {
    name.strip_prefix(tool)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_', ' ', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_autoscaler_scales_and_a_person_with_kubectl_scale_does_not() {
        let entry = |manager: &str, subresource: &str, fields: Value| json!({"manager": manager, "operation": "Update", "subresource": subresource, "fieldsV1": fields});
        let replicas = || json!({"f:spec": {"f:replicas": {}}});
        assert!(is_autoscaled(&[entry("kube-controller-manager", "scale", replicas())]));
        assert!(is_autoscaled(&[entry("keda", "scale", replicas())]));
        for other in [
            entry("kubectl", "scale", replicas()),
            entry("kube-controller-manager", "", replicas()),
            entry("kube-controller-manager", "scale", json!({})),
            entry("kube-controller-manager", "status", replicas()),
        ] {
            assert!(!is_autoscaled(std::slice::from_ref(&other)), "{other}");
        }
    }

    fn entry<'a>(manager: &'a str, operation: &'a str, subresource: &'a str) -> FieldsEntry<'a> {
        FieldsEntry {
            manager,
            operation,
            subresource,
            api_version: "v1",
            time: None,
            fields: &Value::Null,
        }
    }

    #[test]
    fn tools_of_people_and_clients_without_a_name_are_told_from_controllers() {
        let people = [
            "kubectl",
            "kubectl-client-side-apply",
            "kubectl-edit",
            "kubectl-set",
            "kubectl-rollout",
            "k9s",
            "Lens",
            "Mozilla",
            "unknown",
            "curl",
        ];
        for manager in people {
            assert_eq!(Writer::of(&entry(manager, "Update", "")), Writer::Person, "{manager}");
            assert_eq!(
                Writer::of(&entry(manager, "Update", "scale")),
                Writer::Other,
                "{manager}"
            );
        }
        for manager in [
            "kube-controller-manager",
            "vpa-updater",
            "keda",
            "cainjector",
            "kubectler",
            "locksmith",
        ] {
            assert_eq!(Writer::of(&entry(manager, "Update", "")), Writer::Other, "{manager}");
        }
        assert_eq!(Writer::of(&entry("kubectl", "Apply", "")), Writer::Person);
        assert_eq!(Writer::of(&entry("tidegate", "Apply", "")), Writer::Agent);
        assert_eq!(Writer::of(&entry("tidegate", "Update", "")), Writer::Other);
    }

    #[test]
    fn tools_that_write_manifests_are_known() {
        for manager in [
            "kubectl-client-side-apply",
            "kubectl",
            "helm",
            "argocd-controller",
            "Terraform",
        ] {
            assert!(is_manifest(&entry(manager, "Update", "")), "{manager}");
        }
        for manager in ["kubectl-edit", "kubectl-annotate", "kube-controller-manager", "unknown"] {
            assert!(!is_manifest(&entry(manager, "Update", "")), "{manager}");
        }
        assert!(!is_manifest(&entry("helm", "Update", "scale")));
    }
}
