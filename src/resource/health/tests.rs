//! Tables of objects and their health.

use super::Health;
use crate::resource::GroupKind;
use serde_json::{Value, json};

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

#[test]
fn custom_resources_are_judged_by_the_conditions_that_most_controllers_write() {
    let conditions = |all: &[(&str, &str, &str)]| {
        let all: Vec<Value> = all
            .iter()
            .map(|(name, status, message)| json!({"type": name, "status": status, "reason": "Because", "message": message}))
            .collect();
        json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 2, "conditions": all}})
    };
    let rows = [
        (json!({}), "ready"),
        (
            json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 1}}),
            "progressing: its controller has not seen the last change yet",
        ),
        (conditions(&[("Ready", "True", "")]), "ready"),
        (
            conditions(&[("Ready", "False", "no such secret")]),
            "progressing: no such secret",
        ),
        (conditions(&[("Ready", "Unknown", "")]), "progressing: Because"),
        (
            conditions(&[("Ready", "False", "x"), ("Stalled", "True", "bad spec")]),
            "failed: bad spec",
        ),
        (
            conditions(&[("Ready", "True", ""), ("Reconciling", "True", "building")]),
            "progressing: building",
        ),
        (
            conditions(&[("Available", "False", "no endpoints")]),
            "progressing: no endpoints",
        ),
        (
            conditions(&[("Available", "True", ""), ("Ready", "False", "x")]),
            "progressing: x",
        ),
        (conditions(&[("Synced", "False", "x")]), "ready"),
        (json!({"status": {"conditions": {"Ready": "False"}}}), "ready"),
    ];
    for (object, expected) in rows {
        assert_eq!(health("Widget.example.com", &object), expected, "{object}");
    }
}

#[test]
fn the_other_built_in_kinds_have_the_rules_of_kstatus() {
    let condition = |name: &str, status: &str, reason: &str| json!({"status": {"conditions": [{"type": name, "status": status, "reason": reason, "message": "so it is"}]}});
    let pod = |phase: &str, container: Value| json!({"status": {"phase": phase, "containerStatuses": [container]}});
    let waiting = |reason: &str, restarts: i64| json!({"name": "web", "restartCount": restarts, "state": {"waiting": {"reason": reason}}});
    let rows = [
        (
            "Service",
            json!({"spec": {"type": "LoadBalancer"}}),
            "progressing: it has no cluster IP yet",
        ),
        (
            "Service",
            json!({"spec": {"type": "LoadBalancer", "clusterIP": "10.0.0.1"}}),
            "ready",
        ),
        ("Service", json!({"spec": {"type": "ExternalName"}}), "ready"),
        ("PersistentVolume", json!({"status": {"phase": "Released"}}), "ready"),
        (
            "PersistentVolume",
            json!({"status": {"phase": "Failed", "message": "m"}}),
            "failed: m",
        ),
        (
            "PersistentVolumeClaim",
            json!({"status": {"phase": "Pending"}}),
            "progressing: not bound yet",
        ),
        (
            "PodDisruptionBudget.policy",
            json!({}),
            "progressing: its controller has not seen it yet",
        ),
        (
            "PodDisruptionBudget.policy",
            json!({"status": {"observedGeneration": 1, "disruptionsAllowed": 0}}),
            "ready",
        ),
        (
            "HorizontalPodAutoscaler.autoscaling",
            condition("ScalingActive", "False", "FailedGetResourceMetric"),
            "progressing: so it is",
        ),
        (
            "HorizontalPodAutoscaler.autoscaling",
            condition("ScalingActive", "False", "ScalingDisabled"),
            "ready",
        ),
        (
            "APIService.apiregistration.k8s.io",
            condition("Available", "False", "MissingEndpoints"),
            "progressing: so it is",
        ),
        (
            "APIService.apiregistration.k8s.io",
            condition("Available", "True", ""),
            "ready",
        ),
        (
            "CustomResourceDefinition.apiextensions.k8s.io",
            condition("NamesAccepted", "False", "Conflict"),
            "failed: so it is",
        ),
        ("CronJob.batch", json!({}), "ready"),
        (
            "ReplicaSet.apps",
            json!({"spec": {"replicas": 2}, "status": {"observedGeneration": 1, "replicas": 2, "availableReplicas": 1}}),
            "progressing: 1 of 2 replicas available",
        ),
        (
            "ReplicaSet.apps",
            json!({"spec": {"replicas": 1}, "status": {"observedGeneration": 1, "replicas": 1, "availableReplicas": 1}}),
            "ready",
        ),
        (
            "StatefulSet.apps",
            json!({"spec": {"replicas": 1, "updateStrategy": {"type": "OnDelete"}}, "status": {"observedGeneration": 1, "replicas": 1, "readyReplicas": 1, "currentRevision": "a", "updateRevision": "b"}}),
            "ready",
        ),
        ("Job.batch", json!({"spec": {"suspend": true}}), "ready"),
        ("Pod", json!({"status": {"phase": "Succeeded"}}), "ready"),
        (
            "Pod",
            json!({"status": {"phase": "Failed", "reason": "Evicted"}}),
            "failed: the pod failed: Evicted",
        ),
        (
            "Pod",
            pod("Running", waiting("CrashLoopBackOff", 5)),
            "failed: container web crashes again and again",
        ),
        (
            "Pod",
            pod("Running", waiting("CrashLoopBackOff", 1)),
            "progressing: container web waits: CrashLoopBackOff",
        ),
        (
            "Pod",
            pod("Pending", waiting("ImagePullBackOff", 0)),
            "progressing: container web waits: ImagePullBackOff",
        ),
        (
            "Pod",
            pod("Pending", waiting("ContainerCreating", 0)),
            "progressing: not ready yet",
        ),
        ("Role.rbac.authorization.k8s.io", json!({}), "unknown"),
        ("Ingress.networking.k8s.io", json!({}), "unknown"),
    ];
    for (kind, object, expected) in rows {
        assert_eq!(health(kind, &object), expected, "{kind} {object}");
    }
}

#[test]
fn a_quota_in_the_way_is_named_with_the_rollout_that_waits() {
    let mut stuck = rollout(2, 2, 1, 1, 1);
    stuck["status"]["conditions"] = json!([{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate",
        "message": "pods \"web-x\" is forbidden: exceeded quota: small"}]);
    let found = Health::of(&GroupKind::parse("Deployment.apps").unwrap(), &stuck);
    let expected = "progressing: 1 of 3 replicas updated; its pods cannot be created: pods \"web-x\" is forbidden: exceeded quota: small";
    assert_eq!(found.to_string(), expected);
    assert_eq!(
        found.not_created(),
        Some("pods \"web-x\" is forbidden: exceeded quota: small")
    );
}

#[test]
fn a_message_is_bounded() {
    let long = json!({"status": {"conditions": [{"type": "Ready", "status": "False", "message": "ä".repeat(10_000)}]}});
    assert!(health("Widget.example.com", &long).len() < 600);
}

#[test]
fn the_time_of_an_end_of_a_rollout_is_that_of_its_conditions() {
    let object = json!({"status": {"conditions": [
        {"type": "Available", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        {"type": "Progressing", "status": "True", "lastTransitionTime": "2025-01-01T00:00:00Z", "lastUpdateTime": "2026-02-01T00:00:00Z"},
        {"type": "Other", "status": "True", "lastTransitionTime": "2026-03-01T00:00:00Z"},
        {"type": "Ready", "lastTransitionTime": "yesterday"}]}});
    let time = |text: &str| Some(text.parse::<jiff::Timestamp>().unwrap());
    assert_eq!(Health::Ready.since(&object), time("2026-02-01T00:00:00Z"));
    assert_eq!(Health::Progressing("x".into()).since(&object), None);
}
