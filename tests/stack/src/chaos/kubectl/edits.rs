//! Changes of fields.

use anyhow::Result;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::{chosen, container, is_workload, merge};
use crate::chaos::manifests::{HOST, image};
use crate::chaos::model::tree::Key;
use crate::chaos::world::World;

type Live = [(Key, Value)];

/// `kubectl apply` of an older or changed manifest.
pub(super) async fn apply(world: &mut World<'_>, live: &Live, a: u64, b: u64) -> Result<Option<String>> {
    let Some((key, _)) = chosen(live, a, |key| key.kind == "ConfigMap") else {
        return Ok(None);
    };
    let (field, value) = (format!("applied{}", b % 3), b.to_string());
    let last =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": key.name}, "data": {"value": value}});
    let patch = json!({
        "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": last.to_string()}},
        "data": {"value": value, field: value},
    });
    merge(world, key, "kubectl-client-side-apply", &patch).await?;
    Ok(Some(format!("kubectl apply {key}")))
}

/// `kubectl apply --server-side --force-conflicts`.
pub(super) async fn server_side_apply(world: &mut World<'_>, live: &Live, a: u64, b: u64) -> Result<Option<String>> {
    let Some((key, _)) = chosen(live, a, |key| key.kind == "ConfigMap") else {
        return Ok(None);
    };
    let body = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": key.name},
        "data": {"value": b.to_string(), format!("server{}", b % 3): "1"},
    });
    let params = PatchParams::apply("kubectl").force();
    world
        .api(&key.kind)
        .patch(&key.name, &params, &Patch::Apply(&body))
        .await?;
    Ok(Some(format!("kubectl apply --server-side {key}")))
}

/// `kubectl set image` and `kubectl set env`.
pub(super) async fn set_image(world: &mut World<'_>, live: &Live, a: u64, b: u64) -> Result<Option<String>> {
    let Some((key, _)) = chosen(live, a, is_workload) else {
        return Ok(None);
    };
    let patch = match b % 3 {
        0 => json!({"image": format!("{}:by-hand-{b}", image(b % 8))}),
        1 => json!({"image": format!("{HOST}/other:1"), "env": [{"name": "LEVEL", "value": b.to_string()}]}),
        _ => json!({"env": [{"name": format!("ADDED{}", b % 4), "value": "1"}]}),
    };
    container(world, key, "kubectl-set", patch).await?;
    Ok(Some(format!("kubectl set {key}")))
}

/// `kubectl edit`: the whole object is written back, with changes.
pub(super) async fn edit(world: &mut World<'_>, live: &Live, a: u64, b: u64) -> Result<Option<String>> {
    let Some((key, value)) = chosen(live, a, |key| key.kind != "Secret") else {
        return Ok(None);
    };
    let mut changed = value.clone();
    match key.kind.as_str() {
        "ConfigMap" => match b % 3 {
            0 => changed["data"]["value"] = "edited".into(),
            1 => {
                changed["data"] = json!({"other": "edited"});
                world.written.retain(|(written, _, _), _| written != key);
            }
            _ => changed["data"][format!("edited{}", b % 5)] = "1".into(),
        },
        "Service" => changed["spec"]["selector"]["edited"] = "1".into(),
        _ => {
            changed["spec"]["minReadySeconds"] = (b % 5 + 1).into();
            changed["spec"]["template"]["spec"]["containers"][0]["command"] = json!(["sleep"]);
        }
    }
    // The entries of all go with an empty list. A port of a Service that then has no owner is in the way of another of its name.
    if b.is_multiple_of(11) && key.kind != "Service" {
        changed["metadata"]["managedFields"] = json!([{}]);
    }
    let params = PostParams {
        field_manager: Some("kubectl-edit".to_owned()),
        ..PostParams::default()
    };
    let object = serde_json::from_value(changed)?;
    world.api(&key.kind).replace(&key.name, &params, &object).await?;
    Ok(Some(format!("kubectl edit {key}")))
}

/// `kubectl label` and `kubectl annotate`, also of what git declares and of the agent's own label.
pub(super) async fn mark(world: &mut World<'_>, live: &Live, a: u64, b: u64) -> Result<Option<String>> {
    let Some((key, _)) = chosen(live, a, |_| true) else {
        return Ok(None);
    };
    let (manager, patch) = match b % 5 {
        0 => ("kubectl-label", json!({"labels": {"team": "other"}})),
        1 => ("kubectl-label", json!({"labels": {"by-hand": b.to_string()}})),
        2 => ("kubectl-annotate", json!({"annotations": {"note": b.to_string()}})),
        3 => (
            "kubectl-label",
            json!({"labels": {"applyset.kubernetes.io/part-of": null}}),
        ),
        _ => (
            "kubectl-annotate",
            json!({"annotations": {"tidegate.dev/prune": "enabled"}}),
        ),
    };
    merge(world, key, manager, &json!({"metadata": patch})).await?;
    Ok(Some(format!("{manager} {key} {patch}")))
}

/// `kubectl rollout pause`, and what `kubectl rollout undo` writes.
pub(super) async fn pause_or_undo(world: &mut World<'_>, live: &Live, a: u64, b: u64) -> Result<Option<String>> {
    let Some((key, _)) = chosen(live, a, |key| key.kind == "Deployment") else {
        return Ok(None);
    };
    if b.is_multiple_of(2) {
        merge(world, key, "kubectl-rollout", &json!({"spec": {"paused": true}})).await?;
        return Ok(Some(format!("kubectl rollout pause {key}")));
    }
    let env = json!([{"name": "LEVEL", "value": "undone"}, {"name": "OLD", "value": "1"}]);
    container(world, key, "kubectl-rollout", json!({"env": env})).await?;
    Ok(Some(format!("kubectl rollout undo {key}")))
}
