use super::report::Report;
use super::text::{Label, Text, parsed};
use crate::model::{CommitId, TargetId};
use crate::resource::DeletionLimit;
use schemars::JsonSchema;
use serde::Deserialize;

/// How the config repo is applied to the cluster.
#[derive(Debug)]
pub struct SyncSettings {
    /// False: nothing is applied.
    pub enabled: bool,
    /// The clusters that objects are applied to: at present one, the cluster that the agent runs in.
    pub targets: Vec<TargetSettings>,
    /// How many deletions happen without a person's confirmation.
    pub deletions: DeletionLimit,
    /// The commit whose deletions are allowed above the limit.
    pub confirm: Option<CommitId>,
}

/// A cluster that objects are applied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSettings {
    /// The target's name in metrics, logs and status.
    pub id: TargetId,
    /// The name of the target's set of objects and of its record. Agents that share a cluster need different names.
    pub set: String,
    /// The namespaces that the agent has rights in; empty: the whole cluster.
    pub namespaces: Vec<String>,
}

/// How the agent applies the config repo to the cluster.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Sync {
    /// `false`: the agent applies nothing.
    enabled: bool,
    /// Name of the agent's set of objects and of its record, a ConfigMap in the agent's namespace. Agents that share a cluster
    /// need different names.
    set: Text<Label>,
    /// Namespaces that the agent works in. It then reads and applies nothing in other namespaces, and no cluster-wide objects.
    /// Empty: the whole cluster.
    namespaces: Vec<Text<Label>>,
    deletions: Deletions,
}

impl Default for Sync {
    fn default() -> Self {
        Self {
            enabled: true,
            set: Text::known("tidegate"),
            namespaces: Vec::new(),
            deletions: Deletions::default(),
        }
    }
}

/// Limits of deletions. A commit whose deletions exceed one of the limits waits until `confirm` names it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Deletions {
    /// The most objects that the agent deletes without confirmation.
    count: usize,
    /// The largest share of the set, in percent, that the agent deletes without confirmation.
    #[schemars(range(max = 100))]
    percent: usize,
    /// Commit whose deletions are confirmed.
    confirm: Option<Text<CommitId>>,
}

impl Default for Deletions {
    fn default() -> Self {
        let DeletionLimit { count, percent } = DeletionLimit::default();
        Self {
            count,
            percent,
            confirm: None,
        }
    }
}

impl Sync {
    pub(super) fn settings(self, report: &Report) -> SyncSettings {
        let Deletions {
            count,
            percent,
            confirm,
        } = self.deletions;
        if percent > 100 {
            let message = format!("{percent} is too large: expected a number from 0 to 100");
            report.mistake("sync.deletions.percent", message);
        }
        SyncSettings {
            enabled: self.enabled,
            targets: vec![TargetSettings {
                id: TargetId::here(),
                set: self.set.value.0,
                namespaces: self.namespaces.into_iter().map(|name| name.value.0).collect(),
            }],
            deletions: DeletionLimit { count, percent },
            confirm: confirm.map(|commit| commit.value),
        }
    }
}

parsed!(CommitId: {"pattern": "^[0-9a-fA-F]{40}$"});
