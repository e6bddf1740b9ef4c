use super::kind::GroupKind;
use serde_json::Value;
use std::collections::BTreeSet;

/// What the server gives to one object of the cluster only: the addresses and the node ports of a Service.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Allocations(BTreeSet<String>);

impl Allocations {
    /// Whether objects of this kind have allocations. They must be read as a whole, not their metadata alone.
    pub fn has_rule(kind: &GroupKind) -> bool {
        kind.is("", "Service")
    }

    /// What an object of this kind has, or asks for.
    pub fn of(kind: &GroupKind, object: &Value) -> Self {
        let spec = &object["spec"];
        if !Self::has_rule(kind) || spec.is_null() {
            return Self::default();
        }
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let mut addresses = list(&spec["clusterIPs"]);
        addresses.push(spec["clusterIP"].clone());
        let addresses = addresses.iter().filter_map(Value::as_str);
        let addresses = addresses.filter(|address| !address.is_empty() && *address != "None");
        let mut ports: Vec<Value> = list(&spec["ports"])
            .iter()
            .map(|port| port["nodePort"].clone())
            .collect();
        ports.push(spec["healthCheckNodePort"].clone());
        let ports = ports.iter().filter_map(Value::as_u64).filter(|port| *port > 0);
        Self(
            addresses
                .map(str::to_owned)
                .chain(ports.map(|port| format!("node port {port}")))
                .collect(),
        )
    }

    /// Whether both have or ask for the same thing.
    pub fn overlaps(&self, other: &Self) -> bool {
        !self.0.is_disjoint(&other.0)
    }

    /// Whether a refusal says that somebody else has what was asked for. Source: `ErrAllocated` in k8s.io/kubernetes,
    /// pkg/registry/core/service/{ipallocator,portallocator}.
    pub fn is_taken(refusal: &str) -> bool {
        refusal.contains("already allocated")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn services_share_no_address_and_no_node_port() {
        let of = |spec: Value| Allocations::of(&GroupKind::new("", "Service"), &json!({"spec": spec}));
        let live = of(
            json!({"clusterIP": "10.0.0.5", "clusterIPs": ["10.0.0.5", "fd00::5"], "healthCheckNodePort": 30900,
            "ports": [{"port": 80, "nodePort": 30080}, {"port": 81}]}),
        );
        for (spec, overlaps) in [
            (json!({"clusterIP": "10.0.0.5"}), true),
            (json!({"clusterIPs": ["fd00::5"]}), true),
            (
                json!({"ports": [{"port": 8080, "nodePort": 30080, "protocol": "UDP"}]}),
                true,
            ),
            (json!({"healthCheckNodePort": 30900}), true),
            (
                json!({"clusterIP": "10.0.0.6", "ports": [{"port": 80, "nodePort": 30081}]}),
                false,
            ),
            (json!({"ports": [{"port": 80}]}), false),
            (json!(null), false),
        ] {
            assert_eq!(of(spec.clone()).overlaps(&live), overlaps, "{spec}");
        }
        let headless = of(json!({"clusterIP": "None"}));
        assert!(!headless.overlaps(&headless));
        let other = Allocations::of(
            &GroupKind::new("", "ConfigMap"),
            &json!({"spec": {"clusterIP": "10.0.0.5"}}),
        );
        assert!(!other.overlaps(&live));
    }
}
