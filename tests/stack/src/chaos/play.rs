//! One world: its operations, and a judgement after each burst.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::judge::{Judge, Violation};
use super::operation::{Burst, Kind, Operation};
use super::report::{LOG_LINES, Options, Report};
use super::world::World;
use super::{faults, kubectl, people, pulls, registry, releases};
use crate::control_plane::ControlPlane;

/// A violation, and what was so when it was seen.
pub(super) struct Found {
    pub(super) violation: Violation,
    /// What was done since the world was at rest.
    pub(super) burst: Vec<String>,
    /// The end of the agent's log.
    pub(super) log: Vec<String>,
}

/// Carries operations out in a new world, and judges it after each burst.
pub(super) async fn play(
    cluster: &ControlPlane,
    options: &Options,
    name: &str,
    bursts: &[Burst],
    mut report: Option<&mut Report>,
) -> Result<Option<Found>> {
    let mut world = World::start(cluster, name, options).await?;
    let mut judge = Judge::with_key(world.keys.file());
    let mut violation = judge.settle(&mut world).await?;
    let mut calm = 0;
    for burst in bursts {
        if violation.is_some() {
            break;
        }
        calm = world.journal.len();
        for operation in burst {
            let done = act(&mut world, *operation)
                .await
                .with_context(|| format!("{operation} of {name}"))?;
            if let (Some(report), true) = (report.as_deref_mut(), done.is_some()) {
                report.operations += 1;
            }
            let text = format!("{operation}  {}", done.unwrap_or_else(|| "nothing to do".to_owned()));
            if options.is_verbose {
                println!("{text}");
            }
            world.note(text);
            judge.note_head(&world)?;
            tokio::time::sleep(Duration::from_millis(operation.b % 40)).await;
        }
        world.heal().await?;
        world.note("rest");
        violation = judge.settle(&mut world).await?;
        if let Some(report) = report.as_deref_mut() {
            report.judgements += 1;
        }
    }
    if violation.is_none() {
        violation = judge.stay_quiet(&mut world).await?;
    }
    if let Some(report) = report {
        report.peak_kib = report.peak_kib.max(world.peak_kib);
        report.kills += world.kills;
        let bumps = world.repo.git(&["rev-list", "--count", "--author=^Tidegate", "main"])?;
        report.bumps += bumps.parse::<u64>().unwrap_or_default();
    }
    if let Some(violation) = &violation {
        world.repo.unchecked("a violation is reported by the judge");
        save(&world, &options.logs, violation)?;
    }
    let found = violation.map(|violation| Found {
        violation,
        burst: world.journal.split_off(calm),
        log: last_lines(&world.agent.log(), LOG_LINES),
    });
    world.end().await?;
    Ok(found)
}

fn last_lines(text: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().rev().take(most).map(str::to_owned).collect();
    lines.reverse();
    lines
}

async fn act(world: &mut World<'_>, operation: Operation) -> Result<Option<String>> {
    match operation.kind {
        Kind::PushTag | Kind::ChangeTag | Kind::RegistryFault => registry::act(world, operation),
        Kind::KillAgent | Kind::SecondAgent | Kind::ApiFault | Kind::GitFault | Kind::Command => {
            faults::act(world, operation).await
        }
        Kind::KubeRelease => releases::act(world, operation).await,
        Kind::PullNamespace | Kind::PullSecret => pulls::act(world, operation).await,
        Kind::KubeApply
        | Kind::KubeServerApply
        | Kind::KubeSetImage
        | Kind::KubeEdit
        | Kind::KubeMark
        | Kind::KubePause
        | Kind::KubeScale
        | Kind::KubeDelete
        | Kind::KubeRestore
        | Kind::OperatorWrite
        | Kind::OtherTool => kubectl::act(world, operation).await,
        _ => people::act(world, operation),
    }
}

/// Leaves what a person needs to understand a violation.
fn save(world: &World<'_>, folder: &Path, violation: &Violation) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let journal = world.journal.join("\n");
    std::fs::write(folder.join("journal.txt"), format!("{violation:?}\n{journal}\n"))?;
    std::fs::write(folder.join("tidegate.log"), world.agent.log())?;
    let history = world
        .repo
        .git(&["log", "--graph", "--stat", "--format=%h %an %cI%n%B", "main"])?;
    std::fs::write(folder.join("history.txt"), history)?;
    Ok(())
}
