//! What an agent costs in a world at rest, and that it leaves such a world alone.
//!
//! The models say when everything is as it has to be in the end. They do not say when the agent has seen everything: what two files
//! declare, and tags of fields whose past is unclear, are not judged, and the agent acts on them when it comes to them. So nothing is
//! judged before nothing moves ([`calm`]); on a busy machine that takes its time.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use super::snapshot::Snapshot;
use crate::chaos::model::tree::Key;
use crate::chaos::world::World;
use crate::control_plane::AuditRequest;
use crate::process::memory_kib;

/// The longest time until nothing moves: the cooldown of a fight on a busy machine.
const COME_TO_REST: Duration = Duration::from_secs(180);
/// How long nothing moves before the quiet time begins.
const CALM: Duration = Duration::from_millis(500);

/// How long nobody does anything.
const QUIET: Duration = Duration::from_secs(3);
/// The most requests to the API server in that time: renewed watches, and a look at the record.
const REQUESTS: usize = 12;
/// The most memory of an agent with some dozens of objects, in a debug build.
const MEMORY_KIB: u64 = 400 * 1024;

/// Waits until the agent has looked at all repositories since it had made `scans` scans, no loop works, and nothing is written or
/// pushed; why that does not come.
pub(super) async fn calm(world: &World<'_>, scans: u64) -> Result<Option<String>> {
    let deadline = Instant::now() + COME_TO_REST;
    loop {
        let (head, mark) = (world.head()?, world.cluster.audit_mark());
        tokio::time::sleep(CALM).await;
        let moving = match Snapshot::take(world).await? {
            Err(why) => Some(why),
            Ok(snapshot) if snapshot.head != head => Some("the branch moves".to_owned()),
            Ok(snapshot) => match busy(&snapshot, scans) {
                Some(why) => Some(why),
                None => {
                    let requests = world.cluster.requests_since(&mark).await?;
                    let written = of_agent(&requests).find(|request| is_write(request) && request.code < 400);
                    written.map(|write| format!("the agent still writes: {} {}", write.verb, write.uri))
                }
            },
        };
        if moving.is_none() || Instant::now() > deadline {
            return Ok(moving);
        }
    }
}

/// What the agent still does, by its own account.
fn busy(snapshot: &Snapshot, scans: u64) -> Option<String> {
    // The scan's next pass may run at any time.
    let working = snapshot.status["loops"]
        .as_object()
        .into_iter()
        .flatten()
        .find(|(name, state)| *name != "scan" && state["running"] == true);
    if let Some((name, _)) = working {
        return Some(format!("{name} works"));
    }
    // Without a field that may move there is nothing to scan.
    let fields = snapshot.status["fields"].as_array();
    let may_move = fields.into_iter().flatten().any(|field| field["outcome"] != "locked");
    if may_move && snapshot.scans() < scans + 2 {
        return Some("no scan has begun and ended".to_owned());
    }
    let unread = snapshot.status["scan"]
        .as_object()
        .into_iter()
        .flatten()
        .find_map(|(name, state)| Some((name, state["problem"].as_str()?)));
    unread.map(|(name, problem)| format!("{name} is not scanned: {problem}"))
}

fn of_agent(requests: &[AuditRequest]) -> impl Iterator<Item = &AuditRequest> {
    requests
        .iter()
        .filter(|request| request.user_agent.starts_with("tidegate/"))
}

fn is_write(request: &AuditRequest) -> bool {
    ["create", "update", "patch", "delete"].contains(&request.verb.as_str())
}

/// What the agent does though nothing happens, or what is beyond its budget.
pub(super) async fn disturbance(world: &mut World<'_>) -> Result<Option<String>> {
    let head = world.head()?;
    let mark = world.cluster.audit_mark();
    tokio::time::sleep(QUIET).await;
    if world.head()? != head {
        let log = world
            .repo
            .git(&["log", "--format=%h %an %s", &format!("{head}..main")])?;
        return Ok(Some(format!("the branch moved though nothing happened:\n{log}")));
    }
    let requests = world.cluster.requests_since(&mark).await?;
    let text = |request: &AuditRequest| format!("{} {}: {}", request.verb, request.uri, request.code);
    let shown: Vec<String> = of_agent(&requests).map(text).collect();
    let writes = of_agent(&requests).filter(|request| is_write(request));
    // What was deleted leaves the record when the watch has shown it. The marks of the last applies are written lazily, once for all.
    let is_about = |request: &AuditRequest, name: &str| request.resource == "configmaps" && request.name == name;
    let (record, others): (Vec<_>, Vec<_>) = writes.partition(|write| is_about(write, &world.name));
    let marks = format!("{}-applied-", world.name);
    let is_mark = |write: &&AuditRequest| write.resource == "configmaps" && write.name.starts_with(&marks);
    let (marks, others): (Vec<_>, Vec<_>) = others.into_iter().partition(is_mark);
    // What belongs to somebody else is asked for again after a while, and the server refuses. The record says before that the
    // object may be created, and after it that it was not.
    let foreign: BTreeSet<&Key> = world.of_other_sets.iter().chain(world.marked.values()).collect();
    let is_retry = |write: &&AuditRequest| write.code == 409 && foreign.iter().any(|key| is_about(write, &key.name));
    let (retries, others): (Vec<_>, Vec<_>) = others.into_iter().partition(is_retry);
    let is_once = retries.len() <= foreign.len();
    if !others.is_empty() || !is_once || record.len() > 1 + 2 * retries.len() || marks.len() > 1 {
        let all = [others, retries, record, marks].concat();
        let all: Vec<String> = all.into_iter().map(text).collect();
        return Ok(Some(format!("the agent wrote though nothing happened: {all:?}")));
    }
    if shown.len() > REQUESTS {
        return Ok(Some(format!("{} requests in {QUIET:?}: {shown:?}", shown.len())));
    }
    let pid = world.agent.process()?.pid();
    let peak = memory_kib(pid, "VmHWM")?;
    world.peak_kib = world.peak_kib.max(peak);
    Ok((peak > MEMORY_KIB).then(|| format!("the agent took {peak} KiB")))
}
