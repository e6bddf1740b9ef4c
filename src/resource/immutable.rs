use super::kind::GroupKind;

/// How API servers say that a field cannot change once the object exists. Sources: `FieldImmutableErrorMsg` in
/// k8s.io/apimachinery, pkg/api/validation; pkg/apis/{apps,batch,core,rbac,scheduling,storage}/validation in
/// k8s.io/kubernetes; the usual rules of custom resources (`self == oldSelf`).
const WORDS: [&str; 8] = [
    "immutable",
    "may not be changed",
    "may not be updated",
    "may not change once set",
    "cannot be changed",
    "cannot change roleref",
    "updates to ",
    "pod updates may not change fields",
];

/// Whether a refusal of an existing object says that a field cannot change. `refusal` must have none of the object's values: a
/// value may hold any words.
pub fn is_immutable(refusal: &str) -> bool {
    let refusal = refusal.to_ascii_lowercase();
    WORDS.iter().any(|words| refusal.contains(words))
}

/// Whether deleting an object of this kind deletes data or other objects. Such an object is never deleted to be created anew.
pub fn holds_data(kind: &GroupKind) -> bool {
    kind.is("apiextensions.k8s.io", "CustomResourceDefinition")
        || kind.is("", "Namespace")
        || kind.is("", "PersistentVolume")
        || kind.is("", "PersistentVolumeClaim")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_say_of_immutable_fields_is_known() {
        for (refusal, expected) in [
            (
                "Job.batch \"a\" is invalid: spec.template: Invalid value: field is immutable",
                true,
            ),
            (
                "StatefulSet.apps \"a\" is invalid: spec: Forbidden: updates to statefulset spec for fields other than 'replicas', ... are forbidden",
                true,
            ),
            (
                "Pod \"a\" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`",
                true,
            ),
            (
                "ConfigMap \"a\" is invalid: data: Forbidden: field is immutable when `immutable` is set",
                true,
            ),
            (
                "RoleBinding.rbac.authorization.k8s.io \"a\" is invalid: roleRef: Invalid value: cannot change roleRef",
                true,
            ),
            (
                "StorageClass.storage.k8s.io \"a\" is invalid: parameters: Forbidden: updates to parameters are forbidden.",
                true,
            ),
            (
                "PriorityClass.scheduling.k8s.io \"a\" is invalid: value: Forbidden: may not be changed in an update.",
                true,
            ),
            (
                "Service \"a\" is invalid: spec.clusterIPs[0]: Invalid value: may not change once set",
                true,
            ),
            (
                "Widget.x.example \"a\" is invalid: spec.size: Invalid value: Value is immutable",
                true,
            ),
            (
                "Service \"a\" is invalid: spec.ports[0].port: Invalid value: must be between 1 and 65535",
                false,
            ),
            ("Deployment.apps \"a\" is invalid: spec.selector: Required value", false),
        ] {
            assert_eq!(is_immutable(refusal), expected, "{refusal}");
        }
    }
}
