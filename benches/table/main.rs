//! `make bench`: what the main job costs on real parts, as one table.
//!
//! The built program runs on a real API server, a real sshd and the ECR stand-in, as in the tests. Counts come from the API
//! server's audit log, the stand-in's request log, sshd's log and the agent's own metrics; times from this process: a
//! watch of its own sees objects change, and a thread sees the branch move. Nothing is asserted: the table is for reading.
//!
//! Flux's figures stand beside ours. They were measured elsewhere, on a machine of the same size, with
//! kube-controller-manager running as well: read counts as exact and times as ratios.

mod bumps;
mod first_apply;
mod idle;
mod long_history;
mod manifests;
mod many_files;
mod observer;
mod one_line;
mod percentiles;
mod scene;
mod table;
mod wire;

use anyhow::Result;
use scene::Scene;
use std::time::Instant;
use table::Table;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        println!("nothing is measured but by `cargo bench`");
        return Ok(());
    }
    let named: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let wanted = |name: &str| named.is_empty() || named.contains(&name);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let begin = Instant::now();
        let mut table = Table::default();
        if wanted("wire") {
            wire::measure(&mut table).await?;
        }
        if wanted("bumps") {
            let scene = Scene::set().await?;
            bumps::measure(&scene, &mut table).await?;
        }
        if wanted("manifests") {
            let scene = Scene::set().await?;
            let mut running = first_apply::measure(&scene, &mut table).await?;
            one_line::measure(&scene, &mut running, &mut table).await?;
            idle::measure(&scene, &mut running, &mut table).await?;
        }
        if wanted("files") {
            many_files::measure(&mut table).await?;
        }
        if wanted("history") {
            long_history::measure(&mut table).await?;
        }
        table.end();
        println!("{table}\nmeasured in {:.0} s", begin.elapsed().as_secs_f64());
        Ok(())
    })
}
