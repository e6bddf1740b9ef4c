//! Worlds one after another, until time is up or a judge objects.

use std::time::Instant;

use anyhow::{Context as _, Result};

use super::operation;
use super::play::play;
use super::report::{Failure, Options, Report};
use super::shrink::shrink;
use crate::control_plane::{self, ControlPlane};

/// Bursts of a world.
const BURSTS: usize = 8;
/// Operations of the longest burst.
const LONGEST: u64 = 24;

/// Runs worlds.
///
/// # Errors
/// When the parts fail. A violation is no error: the report has it.
pub async fn run(options: &Options) -> Result<Report> {
    let begin = Instant::now();
    let cluster = ControlPlane::start(control_plane::Options::default()).await?;
    let mut report = Report::default();
    let mut seed = options.seed;
    loop {
        let bursts = match &options.replay {
            Some(text) => operation::parse(text)?,
            None => operation::generate(seed, BURSTS, LONGEST, options.has_helm),
        };
        let found = play(&cluster, options, &format!("c{seed}"), &bursts, Some(&mut report))
            .await
            .with_context(|| format!("the world of seed {seed} could not go on"))?;
        if let Some(found) = found {
            let shorter = shrink(&cluster, options, seed, &bursts, found.violation.rule).await;
            report.failure = Some(Failure {
                seed,
                rule: found.violation.rule.to_owned(),
                text: found.violation.text,
                operations: operation::print(&shorter),
                burst: found.burst,
                log: found.log,
                logs: options.logs.clone(),
            });
            break;
        }
        report.worlds += 1;
        if options.replay.is_some() || begin.elapsed() >= options.time {
            break;
        }
        seed = seed.wrapping_add(1);
    }
    report.time = begin.elapsed();
    Ok(report)
}
