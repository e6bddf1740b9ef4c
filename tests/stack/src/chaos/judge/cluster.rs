//! The objects: applied as declared, and deleted only when they are not declared any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;

use super::snapshot::Snapshot;
use crate::chaos::model::fields::difference;
use crate::chaos::model::tree::{Key, Reader, Tree};
use crate::chaos::world::{WATCHED, World};
use crate::control_plane::AuditRequest;

/// The label of the members of a set.
const PART_OF: &str = "/metadata/labels/applyset.kubernetes.io~1part-of";
/// More deletions than this at once wait for a person.
const MOST: usize = 10;
/// So many or fewer need not be compared with the size of the set.
const FLOOR: usize = 3;

/// What the judge remembers of the objects.
#[derive(Default)]
pub(super) struct Memory {
    /// The objects that were applied as declared when the world was at rest, by their UIDs.
    applied: BTreeMap<Key, String>,
    /// Every object that a head has declared.
    declared: BTreeSet<Key>,
}

/// The first declared object that is not as declared.
pub(super) fn not_as_declared(tree: &Tree, snapshot: &Snapshot) -> Option<String> {
    let kinds: BTreeSet<&str> = WATCHED.iter().map(|(_, _, kind)| *kind).collect();
    let declared = tree
        .objects
        .iter()
        .filter(|(key, _)| kinds.contains(key.kind.as_str()) && !tree.twins.contains(key));
    declared
        .filter_map(|(key, declared)| {
            let Some(live) = snapshot.live.get(key) else {
                return Some(format!("{key} of {} does not exist", declared.path));
            };
            if is_refused(snapshot, key) {
                return None;
            }
            if belongs_to_another_set(live) {
                return Some(format!("{key} has another set's label, and nothing reports it"));
            }
            if live.pointer(PART_OF).is_none() {
                return Some(format!("{key} of {} has no label of a set", declared.path));
            }
            difference(&declared.value, live).map(|why| format!("{key} of {}: {why}", declared.path))
        })
        .next()
}

fn uid(snapshot: &Snapshot, key: &Key) -> Option<String> {
    let live = snapshot.live.get(key)?;
    live.pointer("/metadata/uid")?.as_str().map(str::to_owned)
}

/// Whether the agent reports that an object is somebody else's.
fn is_refused(snapshot: &Snapshot, key: &Key) -> bool {
    let refused = format!("{key}: it belongs to ");
    let reported = snapshot.texts("/targets/here/problems");
    reported.iter().any(|text| text.contains(&refused))
}

/// Whether another set has taken an object over.
fn belongs_to_another_set(live: &Value) -> bool {
    live.pointer(PART_OF).is_some_and(|label| label == "applyset-other-v1")
}

/// Whether an object has the label of the agent's set. Who removes the label takes the object out of the set.
fn is_of_a_set(live: &Value) -> bool {
    live.pointer(PART_OF).is_some() && !belongs_to_another_set(live)
}

/// Whether so many deletions of a set of this size need a person.
fn is_much(count: usize, set: usize) -> bool {
    count > MOST || (count > FLOOR && count * 4 > set) || count >= set
}

impl Memory {
    /// The first object that is no longer declared, was applied by the agent, and does not wait for anybody.
    pub(super) fn left_over(&self, world: &World<'_>, tree: &Tree, snapshot: &Snapshot) -> Option<String> {
        let is_left = |key: &Key, known: &String| {
            let is_there = uid(snapshot, key).as_ref() == Some(known);
            let is_ours = !world.marked.contains_key(known) && snapshot.live.get(key).is_some_and(is_of_a_set);
            is_there && is_ours && !tree.objects.contains_key(key)
        };
        let left = self.applied.iter().filter(|(key, known)| is_left(key, known));
        let left: Vec<&Key> = left.map(|(key, _)| key).collect();
        let first = left.first()?;
        let recorded = snapshot.record.get("commit").map(String::as_str).unwrap_or_default();
        let follows = world
            .repo
            .git(&["merge-base", "--is-ancestor", recorded, &snapshot.head])
            .is_ok();
        let is_whole = tree.unread.is_empty() && tree.twins.is_empty();
        // An object that is refused may replace one of its kind that goes.
        let mut declared = tree.objects.keys().filter(|key| key.kind == first.kind);
        let is_refused = declared.any(|key| is_refused(snapshot, key));
        let may_wait = is_refused || !is_whole || !follows || is_much(left.len(), left.len() + tree.objects.len());
        (!may_wait).then(|| format!("{first} is no longer declared and was not deleted"))
    }

    /// The first object that was deleted and should not have been. Remembers what stands now.
    pub(super) fn wrong_deletion(
        &mut self,
        world: &mut World<'_>,
        reader: &mut Reader,
        heads: &[String],
        snapshot: &Snapshot,
        requests: &[AuditRequest],
    ) -> Result<Option<String>> {
        let mut trees = Vec::new();
        for head in heads.iter().chain([&snapshot.head]) {
            trees.push(reader.read(&world.repo, head)?);
        }
        for tree in &trees {
            self.declared.extend(tree.objects.keys().cloned());
        }
        let deletions = requests.iter().filter(|request| {
            let is_agent = request.user_agent.starts_with("tidegate/");
            is_agent && request.verb == "delete" && request.namespace == world.name && request.code < 300
        });
        for deletion in deletions {
            let key = self.declared.iter().find(|key| is_about(deletion, key));
            let Some(key) = key else {
                return Ok(Some(format!(
                    "{} {} was deleted, which was never declared",
                    deletion.resource, deletion.name
                )));
            };
            let is_allowed = |tree: &Tree| !tree.objects.contains_key(key) && tree.unread.is_empty();
            if !trees.iter().any(|tree| is_allowed(tree)) {
                return Ok(Some(format!(
                    "{key} was deleted, and each head declares it or has what cannot be read"
                )));
            }
        }
        if let Some(wrong) = disturbed(world, &trees, snapshot) {
            return Ok(Some(wrong));
        }
        let now = trees.last().into_iter().flat_map(|tree| tree.objects.keys());
        for key in now {
            if let Some(uid) = uid(snapshot, key) {
                self.applied.insert(key.clone(), uid);
            }
        }
        self.applied
            .retain(|key, known| uid(snapshot, key).as_ref() == Some(known));
        Ok(None)
    }
}

/// The first object of somebody else that is gone, and the first field of somebody else that is not as it was written.
fn disturbed(world: &mut World<'_>, trees: &[Arc<Tree>], snapshot: &Snapshot) -> Option<String> {
    // What git declares becomes the agent's.
    let is_declared = |key: &Key| trees.iter().any(|tree| tree.objects.contains_key(key));
    world.precious.retain(|key, _| !is_declared(key));
    let is_gone =
        |key: &Key, known: &String| uid(snapshot, key).as_ref() != Some(known) && !world.deleted.contains(known);
    if let Some((key, _)) = world.precious.iter().find(|(key, known)| is_gone(key, known)) {
        return Some(format!(
            "{key} is gone, which somebody else had made and git did not declare"
        ));
    }
    if let Some((_, key)) = world.marked.iter().find(|(known, key)| is_gone(key, known)) {
        return Some(format!("{key} is gone, which another tool had marked as its own"));
    }
    world.written.iter().find_map(|((key, known, pointer), value)| {
        let live = snapshot
            .live
            .get(key)
            .filter(|_| uid(snapshot, key).as_ref() == Some(known))?;
        let found = live.pointer(pointer).and_then(Value::as_str);
        (found != Some(value)).then(|| format!("{pointer} of {key} is {found:?}, and an operator wrote {value:?}"))
    })
}

/// Whether a request is about this object.
fn is_about(request: &AuditRequest, key: &Key) -> bool {
    let plural = format!("{}s", key.kind.to_lowercase());
    request.resource == plural && request.name == key.name && request.namespace == key.namespace
}
