use super::kind::GroupKind;
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// The health of a live object, by the rules that kstatus (sigs.k8s.io/cli-utils) made common.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(tag = "state", content = "message", rename_all = "lowercase")]
pub enum Health {
    /// The health is unknown: its kind has no rule.
    #[default]
    Unknown,
    /// The object works as declared.
    Ready,
    /// Not ready yet. The message says what it waits for.
    Progressing(String),
    /// The object does not become ready without a change. The message says why.
    Failed(String),
}

impl Health {
    /// Whether there is nothing to wait for: ready, or unknown.
    pub fn is_settled(&self) -> bool {
        matches!(self, Self::Unknown | Self::Ready)
    }

    /// Whether there is a rule for this kind. Its objects must then be read as a whole, not their metadata alone.
    pub fn has_rule(kind: &GroupKind) -> bool {
        rule(kind).is_some()
    }

    /// The health of an object of this kind. `object` is the whole object as the server sent it.
    pub fn of(kind: &GroupKind, object: &Value) -> Self {
        let Some(rule) = rule(kind) else {
            return Self::Unknown;
        };
        let generation = object.pointer("/metadata/generation").and_then(Value::as_i64);
        let observed = object.pointer("/status/observedGeneration").and_then(Value::as_i64);
        match (generation, observed) {
            (Some(generation), Some(observed)) if observed < generation => {
                Self::Progressing("its controller has not seen the last change yet".to_owned())
            }
            _ => rule(object),
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown"),
            Self::Ready => f.write_str("ready"),
            Self::Progressing(message) => write!(f, "progressing: {message}"),
            Self::Failed(message) => write!(f, "failed: {message}"),
        }
    }
}

type Rule = fn(&Value) -> Health;

fn rule(kind: &GroupKind) -> Option<Rule> {
    Some(match (kind.group.as_str(), kind.kind.as_str()) {
        ("apps", "Deployment") => deployment,
        ("apps", "StatefulSet") => stateful_set,
        ("apps", "DaemonSet") => daemon_set,
        ("batch", "Job") => job,
        ("", "Namespace") => namespace,
        ("", "PersistentVolumeClaim") => volume_claim,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition,
        _ => return None,
    })
}

fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

struct Condition<'a> {
    status: &'a str,
    reason: &'a str,
    message: &'a str,
}

fn condition<'a>(object: &'a Value, name: &str) -> Option<Condition<'a>> {
    let all = object.pointer("/status/conditions")?.as_array()?;
    let found = all.iter().find(|item| text(item, "/type") == name)?;
    Some(Condition {
        status: text(found, "/status"),
        reason: text(found, "/reason"),
        message: text(found, "/message"),
    })
}

fn progressing(message: impl Into<String>) -> Health {
    Health::Progressing(message.into())
}

fn deployment(object: &Value) -> Health {
    if let Some(progress) = condition(object, "Progressing")
        && progress.reason == "ProgressDeadlineExceeded"
    {
        return Health::Failed(progress.message.to_owned());
    }
    let expected = number(object, "/spec/replicas").unwrap_or(1);
    let status = |name: &str| number(object, &format!("/status/{name}")).unwrap_or(0);
    if number(object, "/status/observedGeneration").is_none() {
        return progressing("its controller has not seen it yet");
    }
    let (updated, all, available) = (
        status("updatedReplicas"),
        status("replicas"),
        status("availableReplicas"),
    );
    if updated < expected {
        progressing(format!("{updated} of {expected} replicas updated"))
    } else if all > updated {
        progressing(format!("{} old replicas to go", all - updated))
    } else if available < expected {
        progressing(format!("{available} of {expected} replicas available"))
    } else {
        Health::Ready
    }
}

fn stateful_set(object: &Value) -> Health {
    if number(object, "/status/observedGeneration").is_none() {
        return progressing("its controller has not seen it yet");
    }
    let expected = number(object, "/spec/replicas").unwrap_or(1);
    let status = |name: &str| number(object, &format!("/status/{name}")).unwrap_or(0);
    let ready = status("readyReplicas");
    if ready < expected {
        return progressing(format!("{ready} of {expected} replicas ready"));
    }
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return Health::Ready;
    }
    let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    let to_update = (expected - partition).max(0);
    let updated = status("updatedReplicas");
    if updated < to_update {
        progressing(format!("{updated} of {to_update} replicas updated"))
    } else if partition == 0 && text(object, "/status/currentRevision") != text(object, "/status/updateRevision") {
        progressing("the last replicas are being updated")
    } else {
        Health::Ready
    }
}

fn daemon_set(object: &Value) -> Health {
    if number(object, "/status/observedGeneration").is_none() {
        return progressing("its controller has not seen it yet");
    }
    let status = |name: &str| number(object, &format!("/status/{name}")).unwrap_or(0);
    let expected = status("desiredNumberScheduled");
    let (updated, available) = (status("updatedNumberScheduled"), status("numberAvailable"));
    if text(object, "/spec/updateStrategy/type") != "OnDelete" && updated < expected {
        progressing(format!("{updated} of {expected} pods updated"))
    } else if available < expected {
        progressing(format!("{available} of {expected} pods available"))
    } else {
        Health::Ready
    }
}

fn job(object: &Value) -> Health {
    if let Some(failed) = condition(object, "Failed")
        && failed.status == "True"
    {
        return Health::Failed(failed.message.to_owned());
    }
    let done = condition(object, "Complete").is_some_and(|complete| complete.status == "True");
    let suspended = object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true);
    if done || suspended {
        Health::Ready
    } else {
        let succeeded = number(object, "/status/succeeded").unwrap_or(0);
        let expected = number(object, "/spec/completions").unwrap_or(1);
        progressing(format!("{succeeded} of {expected} completions"))
    }
}

fn namespace(object: &Value) -> Health {
    match text(object, "/status/phase") {
        "Terminating" => Health::Failed("it is being deleted".to_owned()),
        "Active" => Health::Ready,
        _ => progressing("not active yet"),
    }
}

fn volume_claim(object: &Value) -> Health {
    match text(object, "/status/phase") {
        "Bound" => Health::Ready,
        "Lost" => Health::Failed("its volume is lost".to_owned()),
        _ => progressing("not bound yet"),
    }
}

fn definition(object: &Value) -> Health {
    if let Some(names) = condition(object, "NamesAccepted")
        && names.status == "False"
    {
        return Health::Failed(names.message.to_owned());
    }
    match condition(object, "Established") {
        Some(established) if established.status == "True" => Health::Ready,
        _ => progressing("not established yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn health(kind: &str, object: &Value) -> String {
        Health::of(&GroupKind::parse(kind).unwrap(), object).to_string()
    }

    fn rollout(generation: i64, observed: i64, updated: i64, all: i64, available: i64) -> Value {
        json!({"metadata": {"generation": generation}, "spec": {"replicas": 3},
            "status": {"observedGeneration": observed, "updatedReplicas": updated, "replicas": all,
                "availableReplicas": available}})
    }

    #[test]
    fn a_deployment_is_ready_when_all_and_only_new_replicas_are_available() {
        let rows = [
            (
                rollout(2, 1, 3, 3, 3),
                "progressing: its controller has not seen the last change yet",
            ),
            (rollout(2, 2, 1, 4, 3), "progressing: 1 of 3 replicas updated"),
            (rollout(2, 2, 3, 4, 3), "progressing: 1 old replicas to go"),
            (rollout(2, 2, 3, 3, 2), "progressing: 2 of 3 replicas available"),
            (rollout(2, 2, 3, 3, 3), "ready"),
            (
                json!({"metadata": {"generation": 1}}),
                "progressing: its controller has not seen it yet",
            ),
        ];
        for (object, expected) in rows {
            assert_eq!(health("Deployment.apps", &object), expected);
        }
        let mut stuck = rollout(2, 2, 1, 4, 3);
        stuck["status"]["conditions"] = json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}]);
        assert_eq!(health("Deployment.apps", &stuck), "failed: timed out");
    }

    #[test]
    fn the_other_workloads_report_their_progress_too() {
        let rows = [
            (
                "StatefulSet.apps",
                json!({"spec": {"replicas": 2}, "status": {"observedGeneration": 1, "readyReplicas": 1}}),
                "progressing: 1 of 2 replicas ready",
            ),
            (
                "StatefulSet.apps",
                json!({"spec": {"replicas": 2}, "status": {"observedGeneration": 1, "readyReplicas": 2,
                "updatedReplicas": 2, "currentRevision": "a", "updateRevision": "a"}}),
                "ready",
            ),
            (
                "DaemonSet.apps",
                json!({"status": {"observedGeneration": 1, "desiredNumberScheduled": 2,
                "updatedNumberScheduled": 2, "numberAvailable": 1}}),
                "progressing: 1 of 2 pods available",
            ),
            ("DaemonSet.apps", json!({"status": {"observedGeneration": 1}}), "ready"),
            (
                "Job.batch",
                json!({"status": {"succeeded": 0}}),
                "progressing: 0 of 1 completions",
            ),
            (
                "Job.batch",
                json!({"status": {"conditions": [{"type": "Complete", "status": "True"}]}}),
                "ready",
            ),
            (
                "Job.batch",
                json!({"status": {"conditions": [{"type": "Failed", "status": "True", "message": "too often"}]}}),
                "failed: too often",
            ),
            ("Namespace", json!({"status": {"phase": "Active"}}), "ready"),
            (
                "Namespace",
                json!({"status": {"phase": "Terminating"}}),
                "failed: it is being deleted",
            ),
            (
                "CustomResourceDefinition.apiextensions.k8s.io",
                json!({}),
                "progressing: not established yet",
            ),
            (
                "CustomResourceDefinition.apiextensions.k8s.io",
                json!({"status": {"conditions": [{"type": "Established", "status": "True"}]}}),
                "ready",
            ),
            ("ConfigMap", json!({}), "unknown"),
        ];
        for (kind, object, expected) in rows {
            assert_eq!(health(kind, &object), expected, "{kind}");
        }
    }

    #[test]
    fn a_malformed_object_never_counts_as_ready() {
        for object in [
            json!(null),
            json!([]),
            json!({"status": 3}),
            json!({"status": {"conditions": "x"}}),
        ] {
            assert_ne!(health("Deployment.apps", &object), "ready");
            assert_ne!(health("Job.batch", &object), "ready");
        }
    }
}
