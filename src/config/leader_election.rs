use super::text::{Label, Text};
use schemars::JsonSchema;
use serde::Deserialize;

/// Which of several replicas works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderElectionSettings {
    /// False: this process works at once. There must be no second one.
    pub enabled: bool,
    /// The name of the Lease in the agent's namespace.
    pub lease: String,
}

/// Which of several replicas works. The chart sets the section where `replicas` is more than one.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct LeaderElection {
    /// `true`: of all replicas that name the same Lease, one works; the others wait, and one of them takes over within 15 seconds.
    enabled: bool,
    /// Name of the Lease (`coordination.k8s.io/v1`) in the agent's namespace.
    lease: Text<Label>,
}

impl Default for LeaderElection {
    fn default() -> Self {
        Self {
            enabled: false,
            lease: Text::known("tidegate"),
        }
    }
}

impl LeaderElection {
    pub(super) fn settings(self) -> LeaderElectionSettings {
        LeaderElectionSettings {
            enabled: self.enabled,
            lease: self.lease.value.0,
        }
    }
}
