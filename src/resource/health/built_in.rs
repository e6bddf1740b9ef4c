//! Kubernetes' own kinds that run no pods.

use super::condition::{condition, failed, progressing, text};
use super::state::Health;
use crate::resource::kind::GroupKind;
use serde_json::Value;

pub(super) fn rule(kind: &GroupKind) -> Option<fn(&Value) -> Health> {
    Some(match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Namespace") => namespace,
        ("", "PersistentVolumeClaim") => volume_claim,
        ("", "PersistentVolume") => volume,
        ("", "Service") => service,
        ("policy", "PodDisruptionBudget") => disruption_budget,
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition,
        ("apiregistration.k8s.io", "APIService") => api_service,
        ("certificates.k8s.io", "CertificateSigningRequest") => signing_request,
        _ => return None,
    })
}

fn namespace(object: &Value) -> Health {
    match text(object, "/status/phase") {
        "Terminating" => failed("it is being deleted"),
        "Active" => Health::Ready,
        _ => progressing("not active yet"),
    }
}

fn volume_claim(object: &Value) -> Health {
    match text(object, "/status/phase") {
        "Bound" => Health::Ready,
        "Lost" => failed("its volume is lost"),
        _ => progressing("not bound yet"),
    }
}

fn volume(object: &Value) -> Health {
    match text(object, "/status/phase") {
        "Failed" => failed(match text(object, "/status/message") {
            "" => "its volume could not be reclaimed",
            message => message,
        }),
        "Pending" => progressing("not available yet"),
        _ => Health::Ready,
    }
}

/// A service of type LoadBalancer has its address inside the cluster before it has one outside. kstatus waits for the first one: not
/// every cluster gives out the second.
fn service(object: &Value) -> Health {
    let is_balanced = text(object, "/spec/type") == "LoadBalancer";
    match is_balanced && text(object, "/spec/clusterIP").is_empty() {
        true => progressing("it has no cluster IP yet"),
        false => Health::Ready,
    }
}

/// Whether its controller has seen it. How many disruptions are allowed says nothing about health.
fn disruption_budget(object: &Value) -> Health {
    match object.pointer("/status/observedGeneration") {
        Some(_) => Health::Ready,
        None => progressing("its controller has not seen it yet"),
    }
}

fn autoscaler(object: &Value) -> Health {
    for name in ["AbleToScale", "ScalingActive"] {
        if let Some(found) = condition(object, name)
            && found.is_false()
            && found.reason != "ScalingDisabled"
        {
            return progressing(found.why());
        }
    }
    Health::Ready
}

fn definition(object: &Value) -> Health {
    if let Some(names) = condition(object, "NamesAccepted")
        && names.is_false()
    {
        return failed(names.why());
    }
    match condition(object, "Established") {
        Some(established) if established.is_true() => Health::Ready,
        _ => progressing("not established yet"),
    }
}

fn api_service(object: &Value) -> Health {
    match condition(object, "Available") {
        Some(available) if available.is_true() => Health::Ready,
        Some(available) => progressing(available.why()),
        None => progressing("not available yet"),
    }
}

fn signing_request(object: &Value) -> Health {
    for name in ["Denied", "Failed"] {
        if let Some(found) = condition(object, name).filter(|found| found.is_true()) {
            return failed(found.why());
        }
    }
    match condition(object, "Approved") {
        Some(approved) if approved.is_true() => Health::Ready,
        _ => progressing("not approved yet"),
    }
}
