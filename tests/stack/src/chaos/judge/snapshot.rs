//! What can be seen of a world at one moment.

use std::collections::BTreeMap;

use anyhow::Result;
use kube::api::Api;
use serde_json::Value;

use super::pull_secrets::Seen;
use super::releases;
use crate::agent::NAMESPACE;
use crate::chaos::model::tree::Key;
use crate::chaos::world::World;

/// The branch, the cluster, and what the agent reports.
pub(super) struct Snapshot {
    pub(super) head: String,
    pub(super) live: BTreeMap<Key, Value>,
    /// The namespaces with pull secrets.
    pub(super) pulls: Seen,
    /// What helm has made.
    pub(super) releases: releases::Seen,
    /// `/v1/status`.
    pub(super) status: Value,
    pub(super) metrics: String,
    /// The entries of the record.
    pub(super) record: BTreeMap<String, String>,
}

impl Snapshot {
    /// Looks at everything; the reason if the agent does not answer yet.
    pub(super) async fn take(world: &World<'_>) -> Result<std::result::Result<Snapshot, String>> {
        let live = match world.live().await {
            Ok(live) => live,
            Err(error) => return Ok(Err(format!("the API server: {error:#}"))),
        };
        let pulls = match Seen::take(world).await {
            Ok(seen) => seen,
            Err(error) => return Ok(Err(format!("the API server: {error:#}"))),
        };
        let releases = match releases::Seen::take(world).await {
            Ok(seen) => seen,
            Err(error) => return Ok(Err(format!("the API server: {error:#}"))),
        };
        let status = match world.agent.caller().get("/v1/status").await {
            Ok((200, body)) => serde_json::from_str(&body).unwrap_or_default(),
            Ok((code, body)) => return Ok(Err(format!("/v1/status: {code} {body}"))),
            Err(error) => return Ok(Err(format!("/v1/status: {error:#}"))),
        };
        let metrics = match world.agent.get("/metrics").await {
            Ok((200, body)) => body,
            other => return Ok(Err(format!("/metrics: {other:?}"))),
        };
        let record = match record(world).await {
            Ok(record) => record,
            Err(error) => return Ok(Err(format!("the record: {error:#}"))),
        };
        Ok(Ok(Snapshot {
            head: world.head()?,
            live,
            pulls,
            releases,
            status,
            metrics,
            record,
        }))
    }

    /// A text of the status.
    pub(super) fn text(&self, pointer: &str) -> &str {
        self.status.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The texts of a list of the status.
    pub(super) fn texts(&self, pointer: &str) -> Vec<String> {
        let items = self.status.pointer(pointer).and_then(Value::as_array);
        let texts = items.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    /// How many scans have ended.
    pub(super) fn scans(&self) -> u64 {
        let passes = self.status.pointer("/loops/scan/passes").and_then(Value::as_u64);
        passes.unwrap_or_default()
    }

    /// What of the agent is not at the branch's head yet.
    pub(super) fn is_behind(&self) -> Option<String> {
        let places = [
            ("repo.head", self.text("/repo/head")),
            ("commit", self.text("/commit")),
            ("targets.here.commit", self.text("/targets/here/commit")),
        ];
        let (place, commit) = places.into_iter().find(|(_, commit)| *commit != self.head)?;
        let problems = self.texts("/problems").join("; ");
        Some(format!(
            "{place} is {commit:?}, the head is {}; problems: {problems}",
            self.head
        ))
    }
}

async fn record(world: &World<'_>) -> Result<BTreeMap<String, String>> {
    use k8s_openapi::api::core::v1::ConfigMap;
    let maps: Api<ConfigMap> = Api::namespaced(world.client.clone(), NAMESPACE);
    let found = maps.get_opt(&world.name).await?;
    Ok(found.and_then(|map| map.data).unwrap_or_default())
}
