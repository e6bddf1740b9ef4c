use super::mirror_facts::MirrorFacts;
use super::mirror_object::{ObjectPlace, chosen, chosen_type};
use super::mirror_rule::{DeletionPolicy, MirrorRule, MirrorSource};
use super::mirror_wanted::{Placement, Wanted, wanted};
use super::mirror_world::{Lookup, MirrorWorld};
use std::collections::{BTreeMap, BTreeSet};

/// Something to do.
#[derive(Clone, PartialEq, Eq)]
pub enum MirrorAction {
    /// Make the copy, or bring it to what the source holds.
    Write(MirrorWrite),
    /// The agent made the copy, and no rule asks for it any more: delete it.
    Remove {
        /// The copy.
        place: ObjectPlace,
        /// What is known of the copy.
        copy: MirrorFacts,
    },
}

/// A copy that is missing or differs.
#[derive(Clone, PartialEq, Eq)]
pub struct MirrorWrite {
    /// The copy.
    pub place: ObjectPlace,
    /// The source.
    pub source: ObjectPlace,
    /// The chosen entries, as in the rule.
    pub keys: BTreeMap<String, String>,
    /// The chosen labels with their values in the source; `None`: the source does not have the label.
    pub labels: BTreeMap<String, Option<String>>,
    /// Whether a copy that kubed made of this source becomes the agent's.
    pub adopts: bool,
    /// What is known of the copy, if there is one.
    pub copy: Option<MirrorFacts>,
}

impl MirrorAction {
    /// The copy.
    pub fn place(&self) -> &ObjectPlace {
        match self {
            Self::Write(MirrorWrite { place, .. }) | Self::Remove { place, .. } => place,
        }
    }
}

/// What has to be done, and what cannot be done.
#[derive(Clone, Default)]
pub struct MirrorPlan {
    /// In the order of the copies.
    pub actions: Vec<MirrorAction>,
    /// Why a source or a copy is left as it is, by its title.
    pub problems: BTreeMap<String, String>,
    /// Sources that the watches do not show, and whose copies could go: what the server says of them decides.
    pub doubts: BTreeSet<ObjectPlace>,
}

/// More deletions than this at once, of more than half of the copies, are left to a person.
const MOST_DELETIONS: usize = 100;

/// Compares rules and cluster.
pub fn mirror_plan(world: MirrorWorld<'_>) -> MirrorPlan {
    let mut wanted = wanted(world);
    let mut plan = MirrorPlan {
        problems: std::mem::take(&mut wanted.problems),
        ..MirrorPlan::default()
    };
    for (place, placement) in &wanted.placements {
        let Some(source) = world.sources.get(placement.source) else {
            continue;
        };
        let copy = world.copies.get(place);
        if copy.is_some_and(|copy| copy.is_ending || is_current(place, copy, placement, source)) {
            continue;
        }
        match copy.and_then(refusal) {
            Some(reason) => drop(plan.problems.insert(place.to_string(), reason.to_owned())),
            None => plan.actions.push(MirrorAction::Write(MirrorWrite {
                place: place.clone(),
                source: placement.source.clone(),
                keys: placement.rule.keys.clone(),
                labels: chosen_labels(placement.rule, source),
                adopts: placement.rule.adopts,
                copy: copy.cloned(),
            })),
        }
    }
    let removed = removals(world, &wanted, &mut plan.doubts);
    let (count, all) = (removed.len(), world.copies.len());
    if count > MOST_DELETIONS && count * 2 > all {
        plan.problems.insert("copies".to_owned(), too_many(count, all));
        return plan;
    }
    for (place, copy) in removed {
        let owned = copy
            .is_owned
            .then_some("no rule asks for it any more, and it has an owner or a finalizer that the agent did not set: delete it yourself");
        match refusal(copy).or(owned) {
            Some(reason) => drop(plan.problems.insert(place.to_string(), reason.to_owned())),
            None => plan.actions.push(MirrorAction::Remove {
                place: place.clone(),
                copy: copy.clone(),
            }),
        }
    }
    plan
}

fn too_many(count: usize, all: usize) -> String {
    format!(
        "no rule and no source asks any more for {count} of the {all} copies, and the agent deletes at most {MOST_DELETIONS} at once when \
         that is more than half; put the rule or the sources back, or delete the copies yourself: they have the label {}",
        super::mirror_mark::MIRROR_LABEL
    )
}

fn chosen_labels(rule: &MirrorRule, source: &MirrorFacts) -> BTreeMap<String, Option<String>> {
    let labels = rule.labels.iter();
    labels
        .map(|label| (label.clone(), source.labels.get(label).cloned()))
        .collect()
}

fn is_current(place: &ObjectPlace, copy: &MirrorFacts, placement: &Placement<'_>, source: &MirrorFacts) -> bool {
    let keys = &placement.rule.keys;
    let mark = copy.mark.as_ref().map(|mark| mark.source(place.kind));
    let mut labels = placement.rule.labels.iter();
    mark.as_ref() == Some(placement.source)
        && copy.type_name == chosen_type(source.type_name.as_deref(), keys)
        && copy.entries == chosen(&source.entries, keys)
        && labels.all(|label| copy.labels.get(label) == source.labels.get(label))
}

/// Why an object with the agent's label is left as it is.
fn refusal(copy: &MirrorFacts) -> Option<&'static str> {
    if copy.mark.is_none() {
        return Some(
            "it has the label of the agent's copies, and the agent did not make it; remove the label, or delete the object",
        );
    }
    if copy.is_declared {
        return Some("the config repo declares it, and would put it back; remove it from the config repo");
    }
    None
}

/// The copies that nothing asks for.
fn removals<'a>(
    world: MirrorWorld<'a>,
    wanted: &Wanted<'_>,
    doubts: &mut BTreeSet<ObjectPlace>,
) -> Vec<(&'a ObjectPlace, &'a MirrorFacts)> {
    let left = world.copies.iter().filter(|(place, copy)| {
        let namespace = world.namespaces.get(&place.namespace);
        let is_left = !copy.is_ending
            && namespace.is_some_and(|namespace| !namespace.is_ending)
            && !wanted.placements.contains_key(*place);
        let source = copy.mark.as_ref().map(|mark| mark.source(place.kind));
        is_left
            && source.is_none_or(|source| !wanted.frozen.contains(&source) && has_lost_source(world, &source, doubts))
    });
    left.collect()
}

/// Whether copies of this source that nothing asks for go.
fn has_lost_source(world: MirrorWorld<'_>, source: &ObjectPlace, doubts: &mut BTreeSet<ObjectPlace>) -> bool {
    let Some(rule) = world.rules.iter().find(|rule| rule.covers(source)) else {
        return true;
    };
    if world.sources.contains_key(source) {
        return true;
    }
    let policy = rule.deletion(world.is_home);
    let is_named = matches!(rule.from, MirrorSource::Object(_));
    match world.looked_up.get(source) {
        Some(Lookup::Gone) => policy == DeletionPolicy::Delete,
        Some(Lookup::AsksNothing) => !is_named,
        Some(Lookup::Asks) => false,
        None if is_named && policy == DeletionPolicy::Retain => false,
        None => {
            doubts.insert(source.clone());
            false
        }
    }
}
