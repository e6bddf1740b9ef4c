//! Autoscalers, operators, and other tools that deploy.

use anyhow::Result;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::{chosen, merge};
use crate::chaos::model::tree::Key;
use crate::chaos::world::World;

type Live = [(Key, Value)];

/// An autoscaler, or `kubectl scale`.
pub(super) async fn scale(world: &mut World<'_>, live: &Live, a: u64, b: u64) -> Result<Option<String>> {
    let scales = |key: &Key| ["Deployment", "StatefulSet"].contains(&key.kind.as_str());
    let Some((key, _)) = chosen(live, a, scales) else {
        return Ok(None);
    };
    let manager = ["kube-controller-manager", "kubectl"][usize::from(b % 2 == 1)];
    let params = PatchParams {
        field_manager: Some(manager.to_owned()),
        ..PatchParams::default()
    };
    let patch = json!({"spec": {"replicas": b % 6}});
    world
        .api(&key.kind)
        .patch_scale(&key.name, &params, &Patch::Merge(patch))
        .await?;
    Ok(Some(format!("{manager} scales {key} to {}", b % 6)))
}

/// An operator writes fields that git does not declare, or a field that git declares.
pub(super) async fn write(world: &mut World<'_>, live: &Live, a: u64, b: u64) -> Result<Option<String>> {
    let Some((key, value)) = chosen(live, a, |key| key.kind == "ConfigMap") else {
        return Ok(None);
    };
    if b.is_multiple_of(4) {
        merge(world, key, "config-operator", &json!({"data": {"value": "mine"}})).await?;
        return Ok(Some(format!("an operator changes {key}")));
    }
    let (field, text) = (format!("operated{}", b % 3), b.to_string());
    merge(world, key, "config-operator", &json!({"data": {field.as_str(): text}})).await?;
    let uid = value
        .pointer("/metadata/uid")
        .and_then(Value::as_str)
        .unwrap_or_default();
    world
        .written
        .insert((key.clone(), uid.to_owned(), format!("/data/{field}")), text);
    Ok(Some(format!("an operator adds {field} to {key}")))
}

/// Flux, Argo CD, Helm or another set of the agent marks an object as its own, or makes one.
pub(super) async fn other_tool(world: &mut World<'_>, live: &Live, a: u64, b: u64) -> Result<Option<String>> {
    let (manager, marks) = match b % 4 {
        0 => (
            "kustomize-controller",
            json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}}),
        ),
        1 => (
            "argocd-controller",
            json!({"annotations": {"argocd.argoproj.io/tracking-id": "shop:/ConfigMap:x/y"}}),
        ),
        2 => (
            "helm",
            json!({"annotations": {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "shop"}}),
        ),
        _ => (
            "other-agent",
            json!({"labels": {"applyset.kubernetes.io/part-of": "applyset-other-v1"}}),
        ),
    };
    if a.is_multiple_of(2) {
        let Some((key, value)) = chosen(live, a / 2, |key| key.kind == "ConfigMap") else {
            return Ok(None);
        };
        merge(world, key, manager, &json!({"metadata": marks})).await?;
        let uid = value
            .pointer("/metadata/uid")
            .and_then(Value::as_str)
            .unwrap_or_default();
        match b % 4 {
            3 => drop(world.of_other_sets.insert(key.clone())),
            _ => drop(world.marked.insert(uid.to_owned(), key.clone())),
        }
        return Ok(Some(format!("{manager} marks {key}")));
    }
    let key = Key {
        kind: "ConfigMap".to_owned(),
        namespace: world.name.clone(),
        name: format!("foreign-{}", a % 9),
    };
    let mut body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": marks, "data": {"value": "foreign"}});
    body["metadata"]["name"] = key.name.clone().into();
    let params = PostParams {
        field_manager: Some(manager.to_owned()),
        ..PostParams::default()
    };
    let made = world
        .api("ConfigMap")
        .create(&params, &serde_json::from_value(body)?)
        .await?;
    world
        .precious
        .insert(key.clone(), made.metadata.uid.unwrap_or_default());
    Ok(Some(format!("{manager} makes {key}")))
}
