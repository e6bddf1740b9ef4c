//! The agent's commits: each tag lands, was superseded or is held; only tags change; nothing moves to an older tag.

use std::collections::BTreeSet;

use anyhow::Result;

use super::snapshot::Snapshot;
use crate::chaos::manifests::{WORKLOADS, image};
use crate::chaos::model::holds::{self, Commit, Past};
use crate::chaos::model::tree::{Key, Reader};
use crate::chaos::world::World;
use crate::history;

/// The workload of this number, if the commit declares it.
fn key(world: &World<'_>, reader: &mut Reader, commit: &str, number: u64) -> Result<Option<Key>> {
    let tree = reader.read(&world.repo, commit)?;
    let name = format!("w{number}");
    let found = tree
        .objects
        .iter()
        .find(|(key, declared)| key.name == name && declared.image().is_some());
    Ok(found.map(|(key, _)| key.clone()))
}

/// A tag that neither landed nor was superseded or held.
pub(super) fn missing(world: &World<'_>, reader: &mut Reader, snapshot: &Snapshot) -> Result<Option<String>> {
    let commits = holds::commits(&world.repo, &snapshot.head)?;
    for number in 0..WORKLOADS {
        let Some(key) = key(world, reader, &snapshot.head, number)? else {
            continue;
        };
        let pasts = holds::replay(&world.repo, reader, &commits, &key, &image(number))?;
        let Some(past) = pasts.get(&snapshot.head) else {
            continue;
        };
        if let Some(tag) = world.registry.missed(number, past) {
            return Ok(Some(format!(
                "{key} is at {:?}, and {tag} neither landed nor is held; {past:?}",
                past.tag
            )));
        }
    }
    Ok(None)
}

/// A field that the agent reports as held and the history does not hold, or the other way round.
pub(super) fn wrong_hold(world: &World<'_>, reader: &mut Reader, snapshot: &Snapshot) -> Result<Option<String>> {
    let commits = holds::commits(&world.repo, &snapshot.head)?;
    let fields = snapshot.status.pointer("/fields").and_then(serde_json::Value::as_array);
    for number in 0..WORKLOADS {
        let Some(key) = key(world, reader, &snapshot.head, number)? else {
            continue;
        };
        let pasts = holds::replay(&world.repo, reader, &commits, &key, &image(number))?;
        let Some(past) = pasts.get(&snapshot.head).filter(|past| !past.is_unclear) else {
            continue;
        };
        let mut fields = fields.into_iter().flatten();
        let field = fields.find(|field| field.pointer("/object/name") == Some(&key.name.clone().into()));
        let Some(outcome) = field.and_then(|field| field["outcome"].as_str()) else {
            return Ok(Some(format!("the status has no field of {key}")));
        };
        let is_held = world.registry.is_held(number, past);
        if (outcome == "held" && past.rejected.is_empty()) || (outcome != "held" && is_held) {
            return Ok(Some(format!(
                "{key} is reported as {outcome}: {field:?}; its past: {past:?}"
            )));
        }
    }
    Ok(None)
}

/// What is wrong with the agent's commits that were not judged before.
pub(super) fn faults(
    world: &World<'_>,
    reader: &mut Reader,
    judged: &mut BTreeSet<String>,
    snapshot: &Snapshot,
) -> Result<Option<String>> {
    if let Err(wrong) = history::sound(&world.repo) {
        return Ok(Some(format!("{wrong:#}")));
    }
    let commits = holds::commits(&world.repo, &snapshot.head)?;
    let new: Vec<&Commit> = commits.iter().filter(|commit| !judged.contains(&commit.id)).collect();
    for number in 0..WORKLOADS {
        let Some(key) = key(world, reader, &snapshot.head, number)? else {
            continue;
        };
        let pasts = holds::replay(&world.repo, reader, &commits, &key, &image(number))?;
        for commit in new.iter().filter(|commit| commit.is_of_agent) {
            let [parent] = commit.parents.as_slice() else { continue };
            let (Some(before), Some(after)) = (pasts.get(parent), pasts.get(&commit.id)) else {
                continue;
            };
            if let Some(fault) = moved(before, after).and_then(|tag| world.registry.fault(number, before, tag)) {
                return Ok(Some(format!(
                    "{}: {key}: {fault}; before: {before:?}",
                    &commit.id[..10]
                )));
            }
        }
    }
    judged.extend(commits.into_iter().map(|commit| commit.id));
    Ok(None)
}

fn moved<'a>(before: &Past, after: &'a Past) -> Option<&'a str> {
    after.tag.as_deref().filter(|tag| before.tag.as_deref() != Some(*tag))
}
