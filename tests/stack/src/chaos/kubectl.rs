//! People with kubectl, and what else writes to the cluster: the requests that such a program sends, under its field manager.

mod controllers;
mod edits;
mod lifecycle;

use anyhow::Result;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use super::model::tree::Key;
use super::operation::{Kind, Operation, pick};
use super::world::World;

/// Carries an operation out; what was done, or `None` if there was nothing to do it to. A refusal of the server is no error:
/// people see it and go on.
pub(super) async fn act(world: &mut World<'_>, operation: Operation) -> Result<Option<String>> {
    let Operation { kind, a, b } = operation;
    let live = match live(world).await {
        Ok(live) => live,
        Err(error) => return Ok(Some(format!("kubectl get: {error:#}"))),
    };
    let done = match kind {
        Kind::KubeApply => edits::apply(world, &live, a, b).await,
        Kind::KubeServerApply => edits::server_side_apply(world, &live, a, b).await,
        Kind::KubeSetImage => edits::set_image(world, &live, a, b).await,
        Kind::KubeEdit => edits::edit(world, &live, a, b).await,
        Kind::KubeMark => edits::mark(world, &live, a, b).await,
        Kind::KubePause => edits::pause_or_undo(world, &live, a, b).await,
        Kind::KubeScale => controllers::scale(world, &live, a, b).await,
        Kind::KubeDelete => lifecycle::delete(world, &live, a, b).await,
        Kind::KubeRestore => lifecycle::restore(world, &live, a, b).await,
        Kind::OperatorWrite => controllers::write(world, &live, a, b).await,
        Kind::OtherTool => controllers::other_tool(world, &live, a, b).await,
        _ => Ok(None),
    };
    match done {
        Err(error) if error.downcast_ref::<kube::Error>().is_some() => Ok(Some(format!("refused: {error:#}"))),
        done => done,
    }
}

/// The live objects, in the order of their kinds and names.
async fn live(world: &World<'_>) -> Result<Vec<(Key, Value)>> {
    let live = world.live().await?.into_iter();
    // The service account's certificates are the cluster's own.
    Ok(live.filter(|(key, _)| key.name != "kube-root-ca.crt").collect())
}

/// The object that a number chooses, of those that fit.
fn chosen(live: &[(Key, Value)], number: u64, fits: impl Fn(&Key) -> bool) -> Option<&(Key, Value)> {
    let fitting: Vec<&(Key, Value)> = live.iter().filter(|(key, _)| fits(key)).collect();
    pick(&fitting, number).copied()
}

/// Whether the kind has a template of pods.
fn is_workload(key: &Key) -> bool {
    ["Deployment", "StatefulSet", "DaemonSet"].contains(&key.kind.as_str())
}

/// A merge patch under a field manager.
async fn merge(world: &World<'_>, key: &Key, manager: &str, patch: &Value) -> Result<()> {
    let api: Api<DynamicObject> = world.api(&key.kind);
    let params = PatchParams {
        field_manager: Some(manager.to_owned()),
        ..PatchParams::default()
    };
    api.patch(&key.name, &params, &Patch::Merge(patch)).await?;
    Ok(())
}

/// A strategic merge patch of the first container.
async fn container(world: &World<'_>, key: &Key, manager: &str, mut patch: Value) -> Result<()> {
    patch["name"] = "app".into();
    let patch = json!({"spec": {"template": {"spec": {"containers": [patch]}}}});
    let params = PatchParams {
        field_manager: Some(manager.to_owned()),
        ..PatchParams::default()
    };
    world
        .api(&key.kind)
        .patch(&key.name, &params, &Patch::Strategic(patch))
        .await?;
    Ok(())
}
