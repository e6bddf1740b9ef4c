//! Objects whose kinds are defined by others: their conditions say how they are, in the words that most controllers use.

use super::condition::{condition, failed, progressing, text};
use super::state::Health;
use crate::resource::kind::GroupKind;
use serde_json::Value;

pub(super) fn rule(kind: &GroupKind) -> fn(&Value) -> Health {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("helm.fluxcd.io", "HelmRelease") => flux_v1_release,
        ("argoproj.io", "Rollout") => rollout,
        ("argoproj.io", "Application") => application,
        ("cert-manager.io", "Certificate") => certificate,
        _ => conditions,
    }
}

/// The conditions of kstatus: Stalled, Reconciling and Ready; then Available. Without one of them there is nothing to wait for.
fn conditions(object: &Value) -> Health {
    if let Some(stalled) = condition(object, "Stalled").filter(|stalled| stalled.is_true()) {
        return failed(stalled.why());
    }
    if let Some(reconciling) = condition(object, "Reconciling").filter(|reconciling| reconciling.is_true()) {
        return progressing(reconciling.why());
    }
    match condition(object, "Ready").or_else(|| condition(object, "Available")) {
        Some(ready) if !ready.is_true() => progressing(ready.why()),
        Some(_) | None => Health::Ready,
    }
}

/// The Helm Operator's own conditions. Its releases have no Ready.
fn flux_v1_release(object: &Value) -> Health {
    match condition(object, "Released") {
        Some(released) if released.is_false() => failed(released.why()),
        _ => conditions(object),
    }
}

/// A Rollout reports a phase besides its conditions.
fn rollout(object: &Value) -> Health {
    match text(object, "/status/phase") {
        "Healthy" => Health::Ready,
        "Degraded" => failed(phase_message(object, "the rollout is degraded")),
        "Paused" | "Progressing" => progressing(phase_message(object, "the rollout is under way")),
        _ => conditions(object),
    }
}

fn phase_message(object: &Value, otherwise: &str) -> String {
    match text(object, "/status/message") {
        "" => otherwise.to_owned(),
        message => message.to_owned(),
    }
}

fn application(object: &Value) -> Health {
    match text(object, "/status/health/status") {
        "Degraded" => failed("the application is degraded"),
        "Progressing" | "Missing" => progressing("the application is not healthy yet"),
        _ => conditions(object),
    }
}

/// cert-manager reports a failed order by Issuing, and keeps trying: the certificate is not ready.
fn certificate(object: &Value) -> Health {
    match (condition(object, "Ready"), condition(object, "Issuing")) {
        (None, None) => progressing("not issued yet"),
        (Some(ready), Some(issuing)) if !ready.is_true() && issuing.is_false() && !issuing.message.is_empty() => {
            progressing(issuing.why())
        }
        _ => conditions(object),
    }
}
