//! No canary comes out by any channel.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, ListParams};

use super::snapshot::Snapshot;
use crate::agent::{NAMESPACE, TOKEN};
use crate::chaos::manifests::CANARY;
use crate::chaos::world::World;

/// The channel in which a secret came out, with the text around it.
pub(super) async fn found(world: &World<'_>, snapshot: &Snapshot) -> Result<Option<String>> {
    let events: Api<Event> = Api::namespaced(world.client.clone(), NAMESPACE);
    let events = events.list(&ListParams::default()).await?;
    let channels = [
        ("the log", world.agent.log()),
        ("the status", snapshot.status.to_string()),
        ("the metrics", snapshot.metrics.clone()),
        ("the record", format!("{:?}", snapshot.record)),
        ("the events", serde_json::to_string(&events.items)?),
        (
            "the agent's commits",
            world.repo.git(&["log", "--author=^Tidegate", "--format=%B", "main"])?,
        ),
    ];
    let key = std::fs::read_to_string(world.agent.key_file()).unwrap_or_default();
    let key_line = key.lines().nth(2).unwrap_or_default().to_owned();
    let encoded = STANDARD.encode(CANARY);
    let identity = std::fs::read_to_string(world.keys.file())?;
    let identity = identity.lines().find(|line| !line.starts_with('#'));
    let mut secrets = vec![
        identity.unwrap_or_default().to_owned(),
        CANARY.to_owned(),
        encoded.trim_end_matches('=')[..12].to_owned(),
        key_line,
        TOKEN.to_owned(),
    ];
    secrets.extend(snapshot.pulls.passwords());
    for (channel, text) in &channels {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            if let Some(at) = text.find(secret.as_str()) {
                let start = text.floor_char_boundary(at.saturating_sub(200));
                let around: String = text[start..].chars().take(300).collect();
                return Ok(Some(format!("{channel} has a secret: {around}")));
            }
        }
    }
    Ok(None)
}
