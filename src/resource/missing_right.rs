use std::fmt;

/// A right that the agent's account lacks. Displayed as the value of the chart that grants it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingRight {
    /// The API group; empty for the core group.
    pub group: String,
    /// The resource's name in URLs.
    pub plural: String,
    /// What may not be done.
    pub verbs: Vec<String>,
}

/// What sync does to the objects of a kind.
const VERBS: [&str; 6] = ["get", "list", "watch", "create", "patch", "delete"];

impl MissingRight {
    /// All that sync does to a resource.
    pub fn of_kind(group: &str, plural: &str) -> Self {
        Self {
            group: group.to_owned(),
            plural: plural.to_owned(),
            verbs: VERBS.map(str::to_owned).to_vec(),
        }
    }

    /// Reads a server's refusal: `User "x" cannot patch resource "services" in API group "" in the namespace "shop"`. `None` for
    /// another refusal. Source: `ForbiddenErrorMessage` in k8s.io/apiserver, pkg/endpoints/handlers/responsewriters.
    pub fn read(refusal: &str) -> Option<Self> {
        let (_, right) = refusal.split_once("User \"")?.1.split_once("\" cannot ")?;
        let (verb, rest) = right.split_once(" resource \"")?;
        let (plural, rest) = rest.split_once('"')?;
        let group = rest.strip_prefix(" in API group \"")?.split_once('"')?.0;
        Some(Self {
            group: group.to_owned(),
            plural: plural.to_owned(),
            verbs: vec![verb.to_owned()],
        })
    }
}

impl fmt::Display for MissingRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "rbac: {{extraRules: [{{apiGroups: [{:?}], resources: [{:?}], verbs: [{}]}}]}}",
            self.group,
            self.plural,
            self.verbs.join(", ")
        )
    }
}

/// Whether a write was refused because the agent lacks a right: by the API server's authorizer, by the policy of the chart that
/// guards namespaces, or since the object is outside of `sync.namespaces`.
pub fn is_for_want_of_rights(refusal: &str) -> bool {
    let by_the_chart = ["rbac.guardedNamespaces", "sync.namespaces"];
    MissingRight::read(refusal).is_some() || by_the_chart.iter().any(|value| refusal.contains(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_right_is_read_from_the_refusal_and_is_a_value_of_the_chart() {
        let refusal = "widgets.example.com \"a\" is forbidden: User \"system:serviceaccount:t:agent\" cannot patch resource \
                       \"widgets\" in API group \"example.com\" in the namespace \"shop\"";
        let right = MissingRight::read(refusal).unwrap();
        for (right, verbs) in [(right, 1), (MissingRight::of_kind("", "services"), 6)] {
            let values: serde_json::Value = serde_yaml::from_str(&right.to_string()).unwrap();
            let rule = &values["rbac"]["extraRules"][0];
            assert_eq!(rule["apiGroups"][0], right.group);
            assert_eq!(rule["resources"][0], right.plural);
            assert_eq!(rule["verbs"].as_array().unwrap().len(), verbs);
        }
        for other in [
            "services \"a\" is forbidden: exceeded quota",
            "User \"x\" is unknown",
            "",
        ] {
            assert_eq!(MissingRight::read(other), None, "{other}");
            assert!(!is_for_want_of_rights(other), "{other}");
        }
        assert!(is_for_want_of_rights(refusal));
        let guarded =
            "the agent may write nothing in namespace kube-system: the chart value rbac.guardedNamespaces names it";
        assert!(is_for_want_of_rights(guarded));
    }
}
