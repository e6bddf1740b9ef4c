//! What goes wrong, and what people ask of the agent by its commands.

use std::time::Duration;

use anyhow::Result;

use super::operation::{Kind, Operation};
use super::world::World;
use crate::relay::{Direction, Ending};

/// The author of commits that people make by commands.
const AUTHOR: &str = "Ann <ann@acme.example>";

/// Refuses what comes over SSH, as the agent does. People push by a path.
const REFUSE: &str = "#!/bin/sh\n[ -z \"$SSH_CONNECTION\" ] || { echo 'no pushes today' >&2; exit 1; }\n";

/// Carries an operation out; what was done.
pub(super) async fn act(world: &mut World<'_>, operation: Operation) -> Result<Option<String>> {
    let Operation { kind, a, b } = operation;
    match kind {
        Kind::KillAgent => kill(world, a, b).await,
        Kind::SecondAgent if world.twin.is_none() => {
            world.start_twin().await?;
            Ok(Some("a second process starts".to_owned()))
        }
        Kind::ApiFault => api(world, a, b).await,
        Kind::GitFault => git(world, a, b),
        Kind::Command => command(world, a).await,
        _ => Ok(None),
    }
}

async fn kill(world: &mut World<'_>, a: u64, b: u64) -> Result<Option<String>> {
    world.agent.kill();
    world.kills += 1;
    let forgets = b.is_multiple_of(3);
    if forgets {
        world.agent.forget()?;
    }
    // Half of the agents stay away until the end of the burst.
    if a.is_multiple_of(2) {
        tokio::time::sleep(Duration::from_millis(b % 50)).await;
        world.agent.start()?;
    }
    let what = if forgets { ", its disk is empty" } else { "" };
    Ok(Some(format!("kill the agent{what}")))
}

async fn api(world: &mut World<'_>, a: u64, b: u64) -> Result<Option<String>> {
    let while_away = Duration::from_millis(b);
    if a.is_multiple_of(3) {
        world.cluster.pause();
        tokio::time::sleep(while_away).await;
        world.cluster.resume();
        return Ok(Some(format!("the API server freezes for {b} ms")));
    }
    world.cluster.compact().await?;
    world.cluster.stop_api_server();
    tokio::time::sleep(while_away).await;
    world.cluster.start_api_server().await?;
    Ok(Some("the API server restarts, and its store is compacted".to_owned()))
}

fn git(world: &mut World<'_>, a: u64, b: u64) -> Result<Option<String>> {
    let direction = [Direction::ToClient, Direction::ToTarget][usize::from(b.is_multiple_of(2))];
    let ending = [Ending::Close, Ending::Reset][usize::from(b.is_multiple_of(3))];
    let what = match a % 6 {
        0 => {
            world.git_relay.stall();
            "the connection to git stalls"
        }
        1 => {
            world.git_relay.cut_once(direction, b * 5, ending);
            "a connection to git is cut"
        }
        2 => {
            world.git_relay.stall_after(direction, b * 5);
            "connections to git stall on their way"
        }
        3 => {
            world.git_relay.reset();
            "the connections to git are reset"
        }
        4 => {
            world.repo.hook("pre-receive", REFUSE)?;
            "the git server rejects pushes"
        }
        _ => {
            world.git.stop();
            "the git server is away"
        }
    };
    Ok(Some(what.to_owned()))
}

/// A person confirms deletions or lifts holds. The command may fail: often there is nothing to do.
async fn command(world: &mut World<'_>, a: u64) -> Result<Option<String>> {
    if !world.agent.process().is_ok_and(crate::Process::is_running) {
        return Ok(None);
    }
    let head = world.head()?;
    let arguments = match a % 2 {
        0 => vec!["confirm", &head[..8], "--author", AUTHOR],
        _ => vec!["resume", "--all", "--author", AUTHOR],
    };
    let ended = match world.agent.call(&arguments).await {
        Ok(output) => output.status.to_string(),
        Err(error) => format!("{error:#}"),
    };
    Ok(Some(format!("tidegate {}: {ended}", arguments.join(" "))))
}
