//! What an agent costs in a world at rest, and that it leaves such a world alone.

use std::time::Duration;

use anyhow::Result;

use crate::chaos::world::World;
use crate::process::memory_kib;

/// How long nobody does anything.
const QUIET: Duration = Duration::from_secs(3);
/// The most requests to the API server in that time: renewed watches, and a look at the record.
const REQUESTS: usize = 12;
/// The most memory of an agent with some dozens of objects, in a debug build.
const MEMORY_KIB: u64 = 400 * 1024;

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
    let ours = requests
        .iter()
        .filter(|request| request.user_agent.starts_with("tidegate/"));
    let shown: Vec<String> = ours
        .map(|request| format!("{} {}", request.verb, request.uri))
        .collect();
    let writes = ["create", "update", "patch", "delete"];
    let is_write = |request: &&String| writes.iter().any(|verb| request.starts_with(verb));
    // What was deleted leaves the record when the watch has shown it. The marks of the last applies are written lazily, once for all.
    let of_record = format!("/configmaps/{}?", world.name);
    let of_marks = format!("/configmaps/{}-applied-", world.name);
    let (record, others): (Vec<_>, Vec<_>) = shown
        .iter()
        .filter(is_write)
        .partition(|write| write.contains(&of_record));
    let (marks, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|write| write.contains(&of_marks));
    // What belongs to another set is asked for again after a while. The record says before that the object may be created, and
    // after it that it was not.
    let is_retry = |write: &String| {
        let mut refused = world.of_other_sets.iter();
        refused.any(|key| write.contains(&format!("/configmaps/{}?", key.name)))
    };
    let (retries, others): (Vec<_>, Vec<_>) = others.into_iter().partition(|write| is_retry(write));
    let is_once = retries.len() <= world.of_other_sets.len();
    if !others.is_empty() || !is_once || record.len() > 1 + 2 * retries.len() || marks.len() > 1 {
        return Ok(Some(format!(
            "the agent wrote though nothing happened: {others:?} {record:?} {marks:?}"
        )));
    }
    if shown.len() > REQUESTS {
        return Ok(Some(format!("{} requests in {QUIET:?}: {shown:?}", shown.len())));
    }
    let pid = world.agent.process()?.pid();
    let peak = memory_kib(pid, "VmHWM")?;
    world.peak_kib = world.peak_kib.max(peak);
    Ok((peak > MEMORY_KIB).then(|| format!("the agent took {peak} KiB")))
}
