//! `make bench`: the cost of the main job on real parts, as one table.
//!
//! The built program runs on a real API server, a real sshd and the ECR stand-in, as in the tests. Counts come from the API
//! server's audit log, the stand-in's request log, sshd's log and the agent's own metrics. Times come from this process: a
//! watch observes the objects, and a thread observes the branch. Nothing is asserted: the table is for people.
//!
//! The table shows the figures of Flux too. They were measured on another machine of the same size, with
//! kube-controller-manager running as well: counts are exact, times are comparable as ratios.

mod bumps;
mod first_apply;
mod idle;
mod long_history;
mod manifests;
mod many_files;
mod many_tags;
mod mirrors;
mod observer;
mod one_line;
mod percentiles;
mod scale;
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
        println!("measurements run only with `cargo bench`");
        return Ok(());
    }
    let named: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let selected = |name: &str| named.is_empty() || named.contains(&name);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let begin = Instant::now();
        let mut table = Table::default();
        if selected("wire") {
            wire::measure(&mut table).await?;
        }
        if selected("bumps") {
            let scene = Scene::set().await?;
            bumps::measure(&scene, &mut table).await?;
        }
        if selected("manifests") {
            let scene = Scene::set().await?;
            let mut running = first_apply::measure(&scene, &mut table).await?;
            one_line::measure(&scene, &mut running, &mut table).await?;
            idle::measure(&scene, &mut running, &mut table).await?;
        }
        if selected("files") {
            many_files::measure(&mut table).await?;
        }
        if selected("tags") {
            many_tags::measure(&mut table).await?;
        }
        if selected("history") {
            long_history::measure(&mut table).await?;
        }
        if selected("own") {
            long_history::measure_own(&mut table).await?;
        }
        if selected("mirrors") {
            mirrors::measure(&mut table).await?;
        }
        if selected("scale") {
            scale::measure(&mut table).await?;
        }
        table.end();
        println!("{table}\nmeasured in {:.0} s", begin.elapsed().as_secs_f64());
        Ok(())
    })
}
