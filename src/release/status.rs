use super::name::ReleaseName;
use super::objects::ObjectsStatus;
use super::tries::Tries;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The `status` of a HelmRelease: the fields of Helm Operator, and what the agent needs to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    /// The generation of the HelmRelease that the status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the release is on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// The name of the release.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub release_name: String,
    /// The namespace of the release.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub release_namespace: String,
    /// The status of the newest revision, in Helm's words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub release_status: String,
    /// The commit of the chart that is deployed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    /// The commit of the chart that was tried last.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_attempted_revision: String,
    /// The digest of chart and values that was tried last.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub last_attempted_digest: String,
    /// The newest revision in Helm's storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helm_revision: Option<u32>,
    /// How often the release was rolled back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_count: Option<u32>,
    /// What holds and what does not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What was tried.
    pub tries: Tries,
    /// What is known of the release's objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<ObjectsStatus>,
}

/// Where a release is on its way, in the words of Helm Operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// The chart or the values cannot be read.
    ChartFetchFailed,
    /// `helm upgrade --install` makes the first revision.
    Installing,
    /// `helm upgrade` runs.
    Upgrading,
    /// The tests run.
    Testing,
    /// The tests failed.
    TestFailed,
    /// The install or upgrade failed.
    DeployFailed,
    /// The release is as declared.
    Succeeded,
    /// The HelmRelease cannot be carried out, or was tried often enough.
    Failed,
    /// `helm rollback` runs.
    RollingBack,
    /// An upgrade failed, and the release is back at its last good revision.
    RolledBack,
    /// The rollback failed.
    RollbackFailed,
    /// `helm uninstall` runs, or failed.
    Uninstalling,
    /// Another process works on the release.
    Waiting,
}

impl Phase {
    /// Whether the release is as declared; `None` while work on it is under way.
    pub fn released(self) -> Option<bool> {
        match self {
            Self::Succeeded => Some(true),
            Self::ChartFetchFailed
            | Self::TestFailed
            | Self::DeployFailed
            | Self::Failed
            | Self::RolledBack
            | Self::RollbackFailed => Some(false),
            Self::Installing
            | Self::Upgrading
            | Self::Testing
            | Self::RollingBack
            | Self::Uninstalling
            | Self::Waiting => None,
        }
    }
}

/// A condition, as Kubernetes shows conditions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What the condition is about.
    pub r#type: ConditionKind,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word.
    #[serde(default)]
    pub reason: String,
    /// For people.
    #[serde(default)]
    pub message: String,
    /// When `status` changed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Timestamp>,
    /// When the condition was written last with other words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_update_time: Option<Timestamp>,
}

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ConditionKind {
    /// The chart and the values could be read.
    ChartFetched,
    /// The last install or upgrade succeeded.
    Deployed,
    /// The release is as declared.
    Released,
    /// The last upgrade failed and was taken back.
    RolledBack,
    /// The tests succeeded.
    Tested,
    /// As `Released`, by the name that tools look for.
    Ready,
}

/// What is written to the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The generation that the outcome is about.
    pub generation: Option<i64>,
    /// The phase.
    pub phase: Phase,
    /// For people.
    pub message: String,
}

impl Status {
    /// Reads the status of a HelmRelease. A status that others wrote counts as far as it can be read.
    pub fn read(object: &Value) -> Self {
        let Some(status) = object.get("status") else {
            return Self::default();
        };
        if let Ok(status) = serde_json::from_value(status.clone()) {
            return status;
        }
        // Helm Operator has other phases and conditions.
        let mut rest = status.clone();
        if let Some(fields) = rest.as_object_mut() {
            fields.remove("phase");
            fields.remove("conditions");
            fields.remove("tries");
            fields.remove("objects");
        }
        serde_json::from_value(rest).unwrap_or_default()
    }

    /// The release that the status is about; `namespace` is that of a status which names none.
    pub fn release(&self, namespace: &str) -> Option<ReleaseName> {
        let namespace = match self.release_namespace.as_str() {
            "" => namespace,
            known => known,
        };
        (!self.release_name.is_empty()).then(|| ReleaseName {
            namespace: namespace.to_owned(),
            name: self.release_name.clone(),
        })
    }

    /// What the first condition says that does not hold.
    pub fn problem(&self) -> Option<&str> {
        let failed = self.conditions.iter().find(|condition| condition.status == "False");
        failed.map(|condition| condition.message.as_str())
    }

    /// The same status with another phase and its conditions.
    #[must_use = "the returned status has the outcome"]
    pub fn with(&self, outcome: &Outcome, now: Timestamp) -> Self {
        let mut status = self.clone();
        status.observed_generation = outcome.generation;
        status.phase = Some(outcome.phase);
        let message = &outcome.message;
        let mut set = |kind, value: &str| status.set(kind, value, outcome.phase, message, now);
        let own: &[(ConditionKind, &str)] = match outcome.phase {
            Phase::ChartFetchFailed => &[(ConditionKind::ChartFetched, "False")],
            Phase::Failed | Phase::Waiting | Phase::Uninstalling => &[],
            Phase::Installing | Phase::Upgrading => &[
                (ConditionKind::ChartFetched, "True"),
                (ConditionKind::Deployed, "Unknown"),
            ],
            Phase::Testing => &[(ConditionKind::Tested, "Unknown")],
            Phase::RollingBack => &[(ConditionKind::RolledBack, "Unknown")],
            Phase::TestFailed => &[(ConditionKind::Tested, "False")],
            Phase::DeployFailed => &[(ConditionKind::Deployed, "False")],
            Phase::RolledBack => &[(ConditionKind::RolledBack, "True")],
            Phase::RollbackFailed => &[(ConditionKind::RolledBack, "False")],
            Phase::Succeeded => &[(ConditionKind::ChartFetched, "True"), (ConditionKind::Deployed, "True")],
        };
        let released = match outcome.phase.released() {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        };
        for (kind, value) in own {
            set(*kind, value);
        }
        set(ConditionKind::Released, released);
        set(ConditionKind::Ready, released);
        if outcome.phase == Phase::Succeeded {
            status
                .conditions
                .retain(|condition| condition.r#type != ConditionKind::RolledBack);
        }
        status
    }

    fn set(&mut self, kind: ConditionKind, value: &str, phase: Phase, message: &str, now: Timestamp) {
        let reason = format!("{phase:?}");
        let before = self.conditions.iter().find(|condition| condition.r#type == kind);
        let is_same =
            before.is_some_and(|before| before.status == value && before.reason == reason && before.message == message);
        if is_same {
            return;
        }
        let since = before
            .filter(|before| before.status == value)
            .and_then(|before| before.last_transition_time);
        let condition = Condition {
            r#type: kind,
            status: value.to_owned(),
            reason,
            message: message.to_owned(),
            last_transition_time: Some(since.unwrap_or(now)),
            last_update_time: Some(now),
        };
        self.conditions.retain(|condition| condition.r#type != kind);
        self.conditions.push(condition);
        self.conditions.sort_by_key(|condition| condition.r#type);
    }
}
