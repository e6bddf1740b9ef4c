//! Objects that wait for others, by `tidegate.dev/depends-on`.
//!
//! An object waits before it is created and before its manifest changes. Drift is repaired without waiting: the object was there.

use super::need::Reason;
use super::plan_inputs::PlanInputs;
use super::sync_plan::{ApplyStep, DeletionStep, HeldStep, SyncPlan};
use crate::model::ObjectId;
use crate::resource::{Dependency, Ignore, Object};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many circles are named. Each is a search of its own.
const MAX_WAYS: usize = 16;

/// The declared objects that wait for others, and those that others name, by kind and name and in their final namespaces. A commit of
/// many thousand objects has few of these.
pub(super) struct Index<'a>(BTreeMap<(&'a str, &'a str), Vec<Resolved<'a>>>);

/// A declared object, with its final id.
type Resolved<'a> = (ObjectId, &'a Arc<Object>);

impl<'a> Index<'a> {
    pub(super) fn of(objects: &'a [Arc<Object>], inputs: &PlanInputs<'_>) -> Self {
        let named = objects.iter().flat_map(|object| &object.intent.depends_on);
        let named: BTreeSet<(&str, &str)> = named.map(|named| (&*named.kind, &*named.name)).collect();
        let mut index: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for object in objects {
            let key = (&*object.id.kind, &*object.id.name);
            if !object.intent.depends_on.is_empty() || named.contains(&key) {
                index.entry(key).or_default().push((inputs.resolve(object), object));
            }
        }
        Self(index)
    }

    /// The declared objects that a dependency of `from` means.
    fn find<'s>(&'s self, dependency: &'s Dependency, from: &'s ObjectId) -> impl Iterator<Item = &'s Resolved<'a>> {
        let named = self.0.get(&(&*dependency.kind, &*dependency.name));
        named.into_iter().flatten().filter(|(id, _)| dependency.means(id, from))
    }

    /// What an object waits for.
    ///
    /// # Errors
    /// A dependency that is not declared.
    fn dependencies<'b>(&self, id: &ObjectId, object: &'b Object) -> Result<Vec<Resolved<'a>>, &'b Dependency> {
        let mut all = Vec::new();
        for dependency in &object.intent.depends_on {
            let before = all.len();
            all.extend(self.find(dependency, id).map(|(id, object)| (id.clone(), *object)));
            if all.len() == before {
                return Err(dependency);
            }
        }
        Ok(all)
    }

    /// The objects that wait for themselves, and those that wait for such objects: what is left when all others are taken out, those
    /// without dependencies first.
    fn stuck(&self) -> BTreeSet<ObjectId> {
        let waiting = self
            .0
            .values()
            .flatten()
            .filter(|(_, object)| !object.intent.depends_on.is_empty());
        let mut needs: BTreeMap<&ObjectId, usize> = waiting.clone().map(|(id, _)| (id, 0)).collect();
        let mut needed_by: BTreeMap<ObjectId, Vec<&ObjectId>> = BTreeMap::new();
        for (id, object) in waiting {
            for (on, _) in self.dependencies(id, object).unwrap_or_default() {
                if let (true, Some(count)) = (needs.contains_key(&on), needs.get_mut(id)) {
                    *count += 1;
                    needed_by.entry(on).or_default().push(id);
                }
            }
        }
        let mut free: Vec<&ObjectId> = needs
            .iter()
            .filter(|(_, count)| **count == 0)
            .map(|(id, _)| *id)
            .collect();
        while let Some(id) = free.pop() {
            needs.remove(id);
            for waits in needed_by.remove(id).into_iter().flatten() {
                if let Some(count) = needs.get_mut(waits) {
                    *count -= 1;
                    if *count == 0 {
                        free.push(waits);
                    }
                }
            }
        }
        needs.into_keys().cloned().collect()
    }

    /// The way from an object over its dependencies back to itself, if there is one.
    fn circle(&self, start: &ObjectId, object: &Object) -> Option<Vec<ObjectId>> {
        let mut seen = BTreeSet::new();
        // For each object that was reached, the one that it was reached from.
        let mut from: BTreeMap<ObjectId, ObjectId> = BTreeMap::new();
        let mut open: Vec<(ObjectId, &Object)> = vec![(start.clone(), object)];
        while let Some((id, object)) = open.pop() {
            for (next, object) in self.dependencies(&id, object).unwrap_or_default() {
                if next == *start {
                    let mut way = vec![next, id.clone()];
                    while let Some(before) = from.get(&way[way.len() - 1]) {
                        way.push(before.clone());
                    }
                    way.reverse();
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    from.insert(next.clone(), id.clone());
                    open.push((next, object));
                }
            }
        }
        None
    }
}

impl SyncPlan {
    /// Takes the applies out of the waves that wait for other objects, and refuses those that would wait forever.
    pub(super) fn hold_back(&mut self, objects: &[Arc<Object>], inputs: &PlanInputs<'_>) {
        let waits = |step: &ApplyStep| {
            let is_new = matches!(step.reason, Reason::First | Reason::Manifest | Reason::Again);
            is_new && !step.object.intent.depends_on.is_empty()
        };
        if !self.waves.values().flatten().any(waits) {
            return;
        }
        let index = Index::of(objects, inputs);
        let stuck = index.stuck();
        let (mut taken, mut ways) = (Vec::new(), 0);
        for (wave, steps) in &mut self.waves {
            taken.extend(steps.extract_if(.., |step| waits(step)).map(|step| (*wave, step)));
        }
        self.waves.retain(|_, steps| !steps.is_empty());
        for (wave, step) in taken {
            match decide(&step, &index, &stuck, &mut ways) {
                Ok(on) => self.held.push(HeldStep { wave, step, on }),
                Err(message) => self.failed.push(step.failed(message)),
            }
        }
    }
}

/// What an object waits for.
///
/// # Errors
/// Why it would wait forever, and what to do.
fn decide(
    step: &ApplyStep,
    index: &Index<'_>,
    stuck: &BTreeSet<ObjectId>,
    ways: &mut usize,
) -> Result<Vec<ObjectId>, String> {
    let found = index.dependencies(&step.id, &step.object).map_err(|unknown| {
        format!(
            "it depends on {unknown}, which is not declared for this target; correct tidegate.dev/depends-on, or declare the object"
        )
    })?;
    if !stuck.contains(&step.id) {
        return Ok(awaited(found));
    }
    *ways += 1;
    if *ways > MAX_WAYS {
        return Err("it waits for itself, or for an object that does; the first circles are named".to_owned());
    }
    if let Some(way) = index.circle(&step.id, &step.object) {
        let way: Vec<String> = way.iter().map(ToString::to_string).collect();
        return Err(format!(
            "it waits for itself: {}; take one tidegate.dev/depends-on of the circle away",
            way.join(" -> ")
        ));
    }
    Ok(awaited(found))
}

/// The ids of what is waited for. An object that is not applied is nobody's to wait for.
fn awaited(found: Vec<Resolved<'_>>) -> Vec<ObjectId> {
    let applied = found
        .into_iter()
        .filter(|(_, object)| object.intent.ignore != Ignore::Yes);
    applied.map(|(id, _)| id).collect()
}

/// Orders deletions so that an object goes before the objects that it depended on. `index`: of what was declared before.
pub(super) fn note_depths(steps: &mut [DeletionStep], index: &Index<'_>) {
    if steps.len() < 2 || index.0.is_empty() {
        return;
    }
    let (mut waits_for, mut waiters) = edges(steps, index);
    let mut depths = vec![0; steps.len()];
    let mut free: Vec<usize> = (0..steps.len()).filter(|at| waits_for[*at] == 0).collect();
    while let Some(at) = free.pop() {
        for waiter in std::mem::take(&mut waiters[at]) {
            depths[waiter] = depths[waiter].max(depths[at] + 1);
            waits_for[waiter] -= 1;
            if waits_for[waiter] == 0 {
                free.push(waiter);
            }
        }
    }
    // A chain is shorter than there are deletions. What is left waits for a circle.
    let count = steps.len();
    for ((step, depth), left) in steps.iter_mut().zip(depths).zip(waits_for) {
        step.depth = if left == 0 { depth } else { count };
    }
}

/// For each deletion: how many others its object depended on, and the places of those that depended on its object.
fn edges(steps: &[DeletionStep], index: &Index<'_>) -> (Vec<usize>, Vec<Vec<usize>>) {
    let places = steps.iter().enumerate();
    let places: BTreeMap<&ObjectId, usize> = places.map(|(at, step)| (&step.id, at)).collect();
    let (mut waits_for, mut waiters) = (vec![0; steps.len()], vec![Vec::new(); steps.len()]);
    for (id, object) in index.0.values().flatten() {
        let Some(&at) = places.get(id) else { continue };
        for (on, _) in index.dependencies(id, object).unwrap_or_default() {
            if let Some(&on) = places.get(&on) {
                waits_for[at] += 1;
                waiters[on].push(at);
            }
        }
    }
    (waits_for, waiters)
}
