//! What happens at the registry.

use std::time::Duration;

use anyhow::Result;

use super::manifests::{Order, WORKLOADS, order, repository, tag};
use super::operation::{Kind, Operation, pick};
use super::world::World;
use crate::ecr::{DEFAULT_ACCOUNT, DEFAULT_REGION, Fault};

/// Carries an operation out; what was done, or `None` if there was nothing to do it to.
pub(super) fn act(world: &mut World<'_>, operation: Operation) -> Result<Option<String>> {
    let Operation { kind, a, b } = operation;
    let workload = a % WORKLOADS;
    match kind {
        Kind::PushTag => push(world, workload, b),
        Kind::ChangeTag => change(world, workload, b),
        Kind::RegistryFault => Ok(Some(fault(world, workload, b))),
        _ => Ok(None),
    }
}

fn push(world: &mut World<'_>, workload: u64, b: u64) -> Result<Option<String>> {
    let pushes = world.registry.pushes.iter().filter(|push| push.workload == workload);
    let count = u64::try_from(pushes.count())?;
    let tag = match (order(workload), b % 8) {
        // A patch of an older version.
        (Order::Version, 0) => format!("1.{}.{}", count / 2, b),
        (Order::Number, 0) => format!("build-{}", count / 2),
        (_, 1) => "latest".to_owned(),
        (_, 2) => format!("sha256-{b:064x}.sig"),
        _ => tag(workload, count),
    };
    world.push(workload, &tag)?;
    Ok(Some(format!("push w{workload}:{tag}")))
}

/// Moves a tag to a new image, or deletes a tag.
fn change(world: &mut World<'_>, workload: u64, b: u64) -> Result<Option<String>> {
    let tags: Vec<String> = world
        .registry
        .now
        .get(&workload)
        .into_iter()
        .flat_map(|tags| tags.keys().cloned())
        .collect();
    let Some(tag) = pick(&tags, b) else {
        return Ok(None);
    };
    if b.is_multiple_of(2) {
        world.push(workload, tag)?;
        return Ok(Some(format!("move w{workload}:{tag}")));
    }
    if tags.len() < 2 {
        return Ok(None);
    }
    world
        .ecr
        .delete_tag(DEFAULT_ACCOUNT, DEFAULT_REGION, &repository(workload), tag)?;
    world.registry.delete(workload, tag);
    Ok(Some(format!("delete w{workload}:{tag}")))
}

fn fault(world: &mut World<'_>, workload: u64, b: u64) -> String {
    let (fault, what) = match b % 9 {
        0 => (Fault::throttle(), "throttles"),
        1 => (Fault::server_error(500), "has an error"),
        2 => (Fault::server_error(503), "is busy"),
        3 => (Fault::cut_body(usize::try_from(b).unwrap_or_default()), "breaks off"),
        4 => (Fault::delay(Duration::from_millis(b)), "is slow"),
        5 => (Fault::denied(), "denies"),
        6 => (Fault::expired_token(), "has expired tokens"),
        7 => {
            world
                .ecr
                .limit_pages(Some(1 + usize::try_from(b).unwrap_or_default() % 3));
            return "the registry makes small pages".to_owned();
        }
        _ => {
            world.ecr.empty_pages(true);
            return "the registry makes empty pages".to_owned();
        }
    };
    let fault = match b % 4 {
        0 => fault,
        _ => fault.repository(repository(workload)),
    };
    world.ecr.fault(if b.is_multiple_of(2) {
        fault.times(b % 7 + 1)
    } else {
        fault
    });
    format!("the registry {what}")
}
