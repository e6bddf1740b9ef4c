//! The kinds that run pods.

use super::condition::{condition, failed, number, progressing, status, text};
use super::state::{Health, NOT_CREATED, PAUSED};
use crate::resource::kind::GroupKind;
use serde_json::Value;

/// The reason of a Deployment's condition `Progressing` after its controller has given the rollout up.
pub(in crate::resource) const DEADLINE_EXCEEDED: &str = "ProgressDeadlineExceeded";

/// A container that was started so often and ends again crashes.
const CRASHES: i64 = 3;

pub(super) fn rule(kind: &GroupKind) -> Option<fn(&Value) -> Health> {
    Some(match (kind.group.as_str(), kind.kind.as_str()) {
        ("apps", "Deployment") => deployment,
        ("apps", "StatefulSet") => stateful_set,
        ("apps", "DaemonSet") => daemon_set,
        ("apps", "ReplicaSet") | ("", "ReplicationController") => replica_set,
        ("batch", "Job") => job,
        ("batch", "CronJob") => |_| Health::Ready,
        ("", "Pod") => pod,
        _ => return None,
    })
}

/// What a controller says about pods that it cannot create: a quota, an admission rule, an account that is missing.
fn cannot_create(object: &Value) -> Option<String> {
    let failure = condition(object, "ReplicaFailure").filter(|failure| failure.is_true())?;
    Some(format!("{NOT_CREATED}{}", failure.why()))
}

/// Adds why pods are missing to a message that says so.
fn with_cause(message: String, object: &Value) -> Health {
    progressing(match cannot_create(object) {
        Some(cause) => format!("{message}; {cause}"),
        None => message,
    })
}

fn deployment(object: &Value) -> Health {
    if let Some(progress) = condition(object, "Progressing")
        && progress.reason == DEADLINE_EXCEEDED
    {
        return failed(match cannot_create(object) {
            Some(cause) => format!("{} {cause}", progress.why()),
            None => progress.why(),
        });
    }
    let expected = number(object, "/spec/replicas").unwrap_or(1);
    if number(object, "/status/observedGeneration").is_none() {
        return progressing("its controller has not seen it yet");
    }
    let (updated, all, available) = (
        status(object, "updatedReplicas"),
        status(object, "replicas"),
        status(object, "availableReplicas"),
    );
    let is_paused = object.pointer("/spec/paused").and_then(Value::as_bool) == Some(true);
    if updated < expected {
        let paused = if is_paused { PAUSED } else { "" };
        with_cause(format!("{updated} of {expected} replicas updated{paused}"), object)
    } else if all > updated {
        progressing(format!("{} old replicas to go", all - updated))
    } else if available < expected {
        with_cause(format!("{available} of {expected} replicas available"), object)
    } else {
        Health::Ready
    }
}

fn stateful_set(object: &Value) -> Health {
    if number(object, "/status/observedGeneration").is_none() {
        return progressing("its controller has not seen it yet");
    }
    let expected = number(object, "/spec/replicas").unwrap_or(1);
    let ready = status(object, "readyReplicas");
    if ready < expected {
        return progressing(format!("{ready} of {expected} replicas ready"));
    }
    let all = status(object, "replicas");
    if all > expected {
        return progressing(format!("{} replicas too many", all - expected));
    }
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return Health::Ready;
    }
    let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    let to_update = expected.saturating_sub(partition).max(0);
    let updated = status(object, "updatedReplicas");
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
    let expected = status(object, "desiredNumberScheduled");
    let (updated, available) = (
        status(object, "updatedNumberScheduled"),
        status(object, "numberAvailable"),
    );
    if text(object, "/spec/updateStrategy/type") != "OnDelete" && updated < expected {
        progressing(format!("{updated} of {expected} pods updated"))
    } else if available < expected {
        progressing(format!("{available} of {expected} pods available"))
    } else {
        Health::Ready
    }
}

/// A ReplicationController has the fields of a ReplicaSet.
fn replica_set(object: &Value) -> Health {
    if number(object, "/status/observedGeneration").is_none() {
        return progressing("its controller has not seen it yet");
    }
    let expected = number(object, "/spec/replicas").unwrap_or(1);
    let (all, available) = (status(object, "replicas"), status(object, "availableReplicas"));
    if available < expected {
        with_cause(format!("{available} of {expected} replicas available"), object)
    } else if all > expected {
        progressing(format!("{} replicas too many", all - expected))
    } else {
        Health::Ready
    }
}

fn job(object: &Value) -> Health {
    if let Some(end) = condition(object, "Failed").filter(|end| end.is_true()) {
        return failed(end.why());
    }
    let done = condition(object, "Complete").is_some_and(|complete| complete.is_true());
    let suspended = object.pointer("/spec/suspend").and_then(Value::as_bool) == Some(true);
    if done || suspended {
        return Health::Ready;
    }
    let succeeded = status(object, "succeeded");
    let expected = number(object, "/spec/completions").unwrap_or(1);
    progressing(match status(object, "failed") {
        0 => format!("{succeeded} of {expected} completions"),
        pods => format!("{succeeded} of {expected} completions, {pods} pods failed"),
    })
}

fn pod(object: &Value) -> Health {
    match text(object, "/status/phase") {
        "Succeeded" => Health::Ready,
        "Failed" => failed(match text(object, "/status/reason") {
            "" => "the pod failed".to_owned(),
            reason => format!("the pod failed: {reason}"),
        }),
        "Running" => match condition(object, "Ready") {
            Some(ready) if ready.is_true() => Health::Ready,
            _ => unready_pod(object),
        },
        _ => match condition(object, "PodScheduled") {
            Some(scheduled) if scheduled.is_false() => progressing(format!("not scheduled: {}", scheduled.why())),
            _ => unready_pod(object),
        },
    }
}

fn unready_pod(object: &Value) -> Health {
    let containers = ["/status/initContainerStatuses", "/status/containerStatuses"]
        .into_iter()
        .filter_map(|pointer| object.pointer(pointer).and_then(Value::as_array))
        .flatten();
    for container in containers {
        let (name, reason) = (text(container, "/name"), text(container, "/state/waiting/reason"));
        if reason == "CrashLoopBackOff" && number(container, "/restartCount").unwrap_or(0) >= CRASHES {
            return failed(format!("container {name} crashes again and again"));
        }
        if !matches!(reason, "" | "ContainerCreating" | "PodInitializing") {
            return progressing(format!("container {name} waits: {reason}"));
        }
    }
    progressing("not ready yet")
}
