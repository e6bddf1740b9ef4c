//! Deletions, and copies from a backup.

use anyhow::Result;
use kube::api::{DeleteParams, PostParams};
use serde_json::Value;

use super::chosen;
use crate::chaos::model::tree::Key;
use crate::chaos::world::World;

type Live = [(Key, Value)];

/// `kubectl delete`, or a controller that deletes what has lived long enough. Copies and other people's objects stay.
pub(super) async fn delete(world: &mut World<'_>, live: &Live, a: u64, b: u64) -> Result<Option<String>> {
    let is_precious = |key: &Key| world.precious.contains_key(key);
    let Some((key, value)) = chosen(live, a, |key| !is_precious(key)) else {
        return Ok(None);
    };
    let mut params = DeleteParams::default();
    if b.is_multiple_of(2) {
        params.propagation_policy = Some(kube::api::PropagationPolicy::Background);
    }
    world.api(&key.kind).delete(&key.name, &params).await?;
    let uid = value
        .pointer("/metadata/uid")
        .and_then(Value::as_str)
        .unwrap_or_default();
    world.deleted.insert(uid.to_owned());
    world.backup.insert(key.clone(), value.clone());
    Ok(Some(format!("kubectl delete {key}")))
}

/// Creates a copy of an object from a backup, with its labels, annotations and field managers: under a new name, or under the
/// name of an object that is gone.
pub(super) async fn restore(world: &mut World<'_>, live: &Live, a: u64, b: u64) -> Result<Option<String>> {
    let gone: Vec<(Key, Value)> = world
        .backup
        .iter()
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let (source, name) = match b % 2 {
        0 => (
            chosen(live, a, |key| !key.name.starts_with("copy-")),
            Some(format!("copy-{}-{}", a % 7, b % 9)),
        ),
        _ => (chosen(&gone, a, |_| true), None),
    };
    let Some((key, value)) = source else { return Ok(None) };
    let mut key = key.clone();
    let mut copy = value.clone();
    if let Some(name) = name {
        key.name = name;
    }
    if let Some(metadata) = copy["metadata"].as_object_mut() {
        for field in ["uid", "resourceVersion", "creationTimestamp", "generation"] {
            metadata.remove(field);
        }
    }
    copy["metadata"]["name"] = key.name.clone().into();
    if let Some(spec) = copy["spec"].as_object_mut() {
        spec.remove("clusterIP");
        spec.remove("clusterIPs");
    }
    let object = serde_json::from_value(copy)?;
    let params = PostParams {
        field_manager: Some("velero-server".to_owned()),
        ..PostParams::default()
    };
    let made = world.api(&key.kind).create(&params, &object).await?;
    let uid = made.metadata.uid.unwrap_or_default();
    world.precious.insert(key.clone(), uid);
    Ok(Some(format!("restore {key}")))
}
