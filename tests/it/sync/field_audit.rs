//! Dry runs against the ownership fingerprint, on objects as clusters have them, while others change what is theirs.

use super::scene::{Target, deployment};
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use tidegate_stack::control_plane::Options;
use tidegate_stack::{ControlPlane, Random, commit_seed};

const EDITS: usize = 120;

/// An object of each kind whose fields the server defaults, sorts, merges or keeps apart in a way of its own.
fn objects() -> Vec<Value> {
    let object = |api_version: &str, kind: &str, rest: Value| {
        let mut object =
            json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "one", "namespace": null}});
        object
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        object
    };
    let pod = json!({"metadata": {"labels": {"app": "one"}}, "spec": {"restartPolicy": "OnFailure",
        "containers": [{"name": "app", "image": "shop/app:1", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}],
            "resources": {"requests": {"cpu": "0.1", "memory": "100Mi"}}}]}});
    vec![
        deployment("web", "1"),
        object("v1", "ConfigMap", json!({"data": {"a": "1", "b": "two\nlines\n"}})),
        object(
            "v1",
            "Secret",
            json!({"stringData": {"password": "x"}, "type": "Opaque"}),
        ),
        object(
            "v1",
            "Service",
            json!({"spec": {"selector": {"app": "one"}, "ports": [{"port": 80}]}}),
        ),
        object("v1", "ServiceAccount", json!({"automountServiceAccountToken": false})),
        object(
            "batch/v1",
            "CronJob",
            json!({"spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": pod}}}}),
        ),
        object(
            "networking.k8s.io/v1",
            "Ingress",
            json!({"spec": {"rules": [{"host": "a.example", "http": {"paths": [
            {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "one", "port": {"number": 80}}}}]}}]}}),
        ),
        object(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            json!({"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}),
        ),
        object(
            "policy/v1",
            "PodDisruptionBudget",
            json!({"spec": {"maxUnavailable": "50%",
            "selector": {"matchLabels": {"app": "one"}}}}),
        ),
        object(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            json!({"spec": {"maxReplicas": 3,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}]}}),
        ),
        object(
            "rbac.authorization.k8s.io/v1",
            "Role",
            json!({"rules": [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]}),
        ),
        object(
            "v1",
            "ResourceQuota",
            json!({"spec": {"hard": {"pods": "10", "requests.memory": "1Gi"}}}),
        ),
        object(
            "v1",
            "LimitRange",
            json!({"spec": {"limits": [{"type": "Container", "default": {"cpu": "1000m"}}]}}),
        ),
    ]
}

/// Somebody writes what is not the agent's, or what is.
async fn edit(target: &Target, object: &Value, random: &mut Random) {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (group, version) = match text("/apiVersion").rsplit_once('/') {
        Some((group, version)) => (group.to_owned(), version.to_owned()),
        None => (String::new(), text("/apiVersion")),
    };
    let kind = GroupVersionKind::gvk(&group, &version, &text("/kind"));
    let api: Api<DynamicObject> =
        Api::namespaced_with(target.client.clone(), &target.namespace, &ApiResource::from_gvk(&kind));
    let number = random.below(1000).to_string();
    let change = match random.below(3) {
        0 => json!({"metadata": {"labels": {"theirs": number}}}),
        1 => json!({"metadata": {"annotations": {"theirs.example/note": number}}}),
        _ if text("/kind") == "ConfigMap" => json!({"data": {"a": number}}),
        _ if text("/kind") == "Deployment" => {
            json!({"spec": {"template": {"metadata": {"annotations": {"restarted": number}}}}})
        }
        _ => json!({"metadata": {"annotations": {"theirs.example/note": null}}}),
    };
    let manager = ["kubectl-edit", "a-controller", "kubectl-label"][random.below(3) as usize];
    let params = PatchParams {
        field_manager: Some(manager.to_owned()),
        ..PatchParams::default()
    };
    api.patch(&text("/metadata/name"), &params, &Patch::Merge(change))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_dry_run_of_an_object_at_rest_never_disagrees_with_its_fingerprint() {
    // All requests are counted.
    let control_plane = ControlPlane::start(Options::default()).await.unwrap();
    let mut target = Target::on(&control_plane, "sync-audit").await;
    target.syncer = target.syncer.auditing_in_each_pass();
    let objects = objects();
    let state = target.plain(objects.clone());
    let report = target.pass_until(&state, |report| report.is_in_sync()).await;
    assert!(report.disagreed.is_none(), "{report:#?}");
    let mark = control_plane.audit_mark();
    let seed = commit_seed();
    let mut random = Random::new(seed);
    for _ in 0..EDITS {
        let object = &objects[random.below(objects.len() as u64) as usize];
        edit(&target, object, &mut random).await;
        let report = target.pass(&state).await;
        assert!(report.disagreed.is_none(), "seed {seed}: {:?}", report.disagreed);
        assert!(report.failed.is_empty(), "seed {seed}: {:?}", report.failed);
    }
    let requests = control_plane.requests_since(&mark).await.unwrap();
    let is_dry_run = |request: &&tidegate_stack::control_plane::AuditRequest| {
        request.user_agent.starts_with("tidegate/") && request.uri.contains("dryRun=All")
    };
    let dry_runs: Vec<&str> = requests
        .iter()
        .filter(is_dry_run)
        .map(|request| request.resource.as_str())
        .collect();
    assert!(dry_runs.len() > EDITS / 2, "seed {seed}: {} dry runs", dry_runs.len());
    for kind in [
        "deployments",
        "configmaps",
        "secrets",
        "services",
        "cronjobs",
        "ingresses",
        "roles",
    ] {
        assert!(dry_runs.contains(&kind), "seed {seed}: no dry run of {kind}");
    }
}
