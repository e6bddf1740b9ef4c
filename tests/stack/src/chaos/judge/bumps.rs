//! The agent's commits: each tag lands, was superseded or is held; only tags change; nothing moves to an older tag.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::snapshot::Snapshot;
use crate::chaos::manifests::{WORKLOADS, image};
use crate::chaos::model::holds::{self, Past, is_of_agent};
use crate::chaos::model::tree::{Key, Reader};
use crate::chaos::world::World;
use crate::git::Commit;
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

/// What the history up to a head says.
pub(super) struct Histories {
    commits: Vec<Commit>,
    /// Each workload that the head declares: its number, and what the history says of it at each commit.
    workloads: Vec<(u64, Key, BTreeMap<String, Past>)>,
}

impl Histories {
    pub(super) fn read(world: &World<'_>, reader: &mut Reader, head: &str) -> Result<Self> {
        let commits = holds::commits(&world.repo, head)?;
        let mut workloads = Vec::new();
        for number in 0..WORKLOADS {
            if let Some(key) = key(world, reader, head, number)? {
                let pasts = holds::replay(&world.repo, reader, &commits, &key, &image(number))?;
                workloads.push((number, key, pasts));
            }
        }
        Ok(Self { commits, workloads })
    }

    /// The past of each workload at the head.
    fn at<'h>(&'h self, head: &'h str) -> impl Iterator<Item = (u64, &'h Key, &'h Past)> {
        let workloads = self.workloads.iter();
        workloads.filter_map(move |(number, key, pasts)| Some((*number, key, pasts.get(head)?)))
    }
}

/// A tag that neither landed nor was superseded or held.
pub(super) fn missing(world: &World<'_>, histories: &Histories, snapshot: &Snapshot) -> Option<String> {
    histories.at(&snapshot.head).find_map(|(number, key, past)| {
        let tag = world.registry.missed(number, past)?;
        Some(format!(
            "{key} is at {:?}, and {tag} neither landed nor is held; {past:?}",
            past.tag
        ))
    })
}

/// A field that the agent reports as held and the history does not hold, or the other way round.
pub(super) fn wrong_hold(world: &World<'_>, histories: &Histories, snapshot: &Snapshot) -> Option<String> {
    let fields = snapshot.status.pointer("/fields").and_then(serde_json::Value::as_array);
    let mut clear = histories.at(&snapshot.head).filter(|(_, _, past)| !past.is_unclear);
    clear.find_map(|(number, key, past)| {
        let mut fields = fields.into_iter().flatten();
        let field = fields.find(|field| field.pointer("/object/name") == Some(&key.name.clone().into()));
        let Some(outcome) = field.and_then(|field| field["outcome"].as_str()) else {
            return Some(format!("the status has no field of {key}"));
        };
        let is_held = world.registry.is_held(number, past);
        let is_wrong = (outcome == "held" && past.rejected.is_empty()) || (outcome != "held" && is_held);
        is_wrong.then(|| format!("{key} is reported as {outcome}: {field:?}; its past: {past:?}"))
    })
}

/// What is wrong with the agent's commits that were not judged before.
pub(super) fn faults(world: &World<'_>, histories: Histories, judged: &mut BTreeSet<String>) -> Option<String> {
    if let Err(wrong) = history::sound(&world.repo) {
        return Some(format!("{wrong:#}"));
    }
    let Histories { commits, workloads } = histories;
    let new = commits.iter().filter(|commit| !judged.contains(&commit.id));
    let new: Vec<&Commit> = new.filter(|commit| is_of_agent(commit)).collect();
    for (number, key, pasts) in &workloads {
        for commit in &new {
            let [parent] = commit.parents.as_slice() else { continue };
            let (Some(before), Some(after)) = (pasts.get(parent), pasts.get(&commit.id)) else {
                continue;
            };
            if let Some(fault) = moved(before, after).and_then(|tag| world.registry.fault(*number, before, tag)) {
                return Some(format!("{}: {key}: {fault}; before: {before:?}", &commit.id[..10]));
            }
        }
    }
    judged.extend(commits.into_iter().map(|commit| commit.id));
    None
}

fn moved<'a>(before: &Past, after: &'a Past) -> Option<&'a str> {
    after.tag.as_deref().filter(|tag| before.tag.as_deref() != Some(*tag))
}
