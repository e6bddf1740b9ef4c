//! An idle minute with a thousand applied objects. The agent fetches the repository every 30 s, and its watches are open. A
//! watch that the server ends and the agent opens again counts as a request.

use crate::scene::{Running, Scene, per};
use crate::table::Table;
use anyhow::{Context as _, Result};
use std::fs;
use std::time::Duration;
use tidegate_stack::process::memory_kib;

const MINUTE: Duration = Duration::from_secs(60);
/// The ticks per second in which Linux counts processor time. The value is 100 on every common platform.
const TICKS: f64 = 100.0;

pub async fn measure(scene: &Scene, running: &mut Running, table: &mut Table) -> Result<()> {
    table.part("an idle minute with 1,000 objects applied");
    let pid = running.agent.process()?.pid();
    let mark = scene.cluster.audit_mark();
    let before = processor_seconds(pid)?;
    tokio::time::sleep(MINUTE).await;
    let used = processor_seconds(pid)? - before;
    let requests = scene.requests(&mark).await?;
    table.row(
        "requests to the API server",
        format!("{} ({})", requests.total(), requests.by_kind(1)),
        "201 (every 10 min)",
        "0",
    );
    table.row("requests for each object", per(requests.on_objects, 1000), "0.2", "0");
    table.row("processor seconds", format!("{used:.2}"), "0.27 (every 10 min)", "");
    table.row("resident memory", memory(pid)?, "135-142 MB, one of four", "");
    Ok(())
}

/// The user and system time of a process.
pub fn processor_seconds(pid: i32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after_name = stat
        .rsplit_once(") ")
        .context("unexpected content of /proc/<pid>/stat")?
        .1;
    let ticks = after_name.split(' ').skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS)
}

/// The resident memory of a process.
pub fn memory(pid: i32) -> Result<String> {
    let (resident, anonymous) = (memory_kib(pid, "VmRSS")?, memory_kib(pid, "RssAnon")?);
    Ok(format!("{} MB (anonymous {})", resident / 1000, anonymous / 1000))
}
