//! What the agent says by its channels.

use anyhow::Result;

use super::snapshot::Snapshot;
use crate::chaos::world::World;

/// Where status, record and metrics differ.
pub(super) fn disagreement(snapshot: &Snapshot) -> Option<String> {
    let status = snapshot.texts("/targets/here/problems");
    let recorded = snapshot.record.get("problems").map(String::as_str).unwrap_or_default();
    let recorded: Vec<&str> = recorded.lines().filter(|line| !line.is_empty()).collect();
    if status != recorded {
        return Some(format!(
            "the status has the problems {status:?}, the record {recorded:?}"
        ));
    }
    let waits = snapshot
        .status
        .pointer("/targets/here/waiting")
        .is_some_and(|waiting| !waiting.is_null());
    let recorded = snapshot.record.get("commit").map(String::as_str).unwrap_or_default();
    // While a bad file keeps deletions back that a person is to confirm, the record keeps the commit before.
    let is_blocked = !snapshot.text("/targets/here/pruneBlocked").is_empty();
    if !waits && !is_blocked && recorded != snapshot.head {
        return Some(format!(
            "the record has the commit {recorded}, the head is {}",
            snapshot.head
        ));
    }
    let fields = snapshot.status.pointer("/fields").and_then(serde_json::Value::as_array);
    let held = fields
        .into_iter()
        .flatten()
        .filter(|field| !field["hold"].is_null() || field["outcome"] == "held");
    let counted = metric(snapshot, "tidegate_held_fields");
    let held = held.count().to_string();
    if counted.as_deref() != Some(held.as_str()) {
        return Some(format!("the status has {held} held fields, the metrics {counted:?}"));
    }
    None
}

/// The value of a metric without labels.
fn metric(snapshot: &Snapshot, name: &str) -> Option<String> {
    let mut lines = snapshot.metrics.lines();
    let line = lines.find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))?;
    line.split(' ').nth(1).map(str::to_owned)
}

/// What `tidegate plan` would still do in a world at rest.
pub(super) async fn plan(world: &World<'_>, snapshot: &Snapshot) -> Result<Option<String>> {
    let output = match world.agent.call(&["plan", "--exit-code"]).await {
        Ok(output) => output,
        Err(error) => return Ok(Some(format!("{error:#}"))),
    };
    let waits = snapshot
        .status
        .pointer("/targets/here/waiting")
        .is_some_and(|waiting| !waiting.is_null());
    // Who keeps changing what is known to the running process alone, and no reason to refuse anything.
    let is_fight = |problem: &String| problem.contains("keeps changing");
    // A plan is about the branch and what it declares.
    let pull_secrets = snapshot
        .status
        .pointer("/pullSecrets/problems")
        .and_then(serde_json::Value::as_object);
    let pull_secrets: Vec<&String> = pull_secrets.into_iter().flatten().map(|(about, _)| about).collect();
    let is_pull_secret = |problem: &String| pull_secrets.iter().any(|about| problem.starts_with(*about));
    let problems = snapshot.texts("/problems");
    let is_well = problems
        .iter()
        .all(|problem| is_fight(problem) || is_pull_secret(problem));
    let fits = match output.status.code() {
        Some(0) => is_well,
        Some(1) => !is_well,
        Some(3) => waits,
        _ => false,
    };
    let text = String::from_utf8_lossy(&output.stdout);
    Ok((!fits).then(|| {
        format!(
            "`tidegate plan --exit-code` ended with {}, and the status has the problems {:?}:\n{text}{}",
            output.status,
            snapshot.texts("/problems"),
            String::from_utf8_lossy(&output.stderr)
        )
    }))
}
