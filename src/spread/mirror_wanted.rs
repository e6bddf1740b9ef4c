//! The copies that the rules ask for.

use super::mirror_ask::MirrorAsk;
use super::mirror_facts::MirrorFacts;
use super::mirror_object::ObjectPlace;
use super::mirror_rule::{MirrorRule, MirrorSource};
use super::mirror_world::MirrorWorld;
use super::namespace_rule::NamespaceFacts;
use std::collections::{BTreeMap, BTreeSet};

/// What a copy has to be.
pub(super) struct Placement<'a> {
    pub(super) source: &'a ObjectPlace,
    pub(super) rule: &'a MirrorRule,
}

/// The copies that the rules ask for in a cluster.
#[derive(Default)]
pub(super) struct Wanted<'a> {
    /// A copy has one source: that of the first rule.
    pub(super) placements: BTreeMap<ObjectPlace, Placement<'a>>,
    /// The copies of these sources stay as they are.
    pub(super) frozen: BTreeSet<&'a ObjectPlace>,
    /// Why a source is not copied, by its title.
    pub(super) problems: BTreeMap<String, String>,
}

/// Types of Secrets that belong to one object of the cluster. A copy would be of no use, or would give its rights away.
const BOUND_TYPES: [&str; 3] = [
    "kubernetes.io/service-account-token",
    "bootstrap.kubernetes.io/token",
    "helm.sh/release.v1",
];

pub(super) fn wanted(world: MirrorWorld<'_>) -> Wanted<'_> {
    let mut wanted = Wanted::default();
    for (place, problem) in world.unread {
        wanted.problems.insert(place.to_string(), problem.clone());
        wanted.frozen.insert(place);
    }
    for rule in world.rules {
        for (source, facts) in sources_of(rule, world) {
            if let Some(problem) = source_problem(rule, facts) {
                wanted.problems.insert(source.to_string(), problem);
                wanted.frozen.insert(source);
                continue;
            }
            if let Some(problem) = unknown_targets(rule, facts, world) {
                wanted.problems.insert(source.to_string(), problem);
            }
            wanted.add(rule, source, facts, world);
        }
    }
    wanted
}

impl<'a> Wanted<'a> {
    fn add(&mut self, rule: &'a MirrorRule, source: &'a ObjectPlace, facts: &MirrorFacts, world: MirrorWorld<'a>) {
        for (namespace, namespace_facts) in world.namespaces {
            let is_reached = rule.to.matches(namespace, namespace_facts)
                && is_asked(rule, source, facts, (namespace, namespace_facts), world);
            if !is_reached {
                continue;
            }
            let place = ObjectPlace {
                kind: source.kind,
                namespace: namespace.clone(),
                name: rule.name.clone().unwrap_or_else(|| source.name.clone()),
            };
            if world.is_home && place == *source {
                continue;
            }
            if is_source(&place, world) {
                let problem = format!("a rule copies it, and another rule would write a copy of {source} over it");
                self.problems.insert(place.to_string(), problem);
                continue;
            }
            let first = self.placements.entry(place).or_insert(Placement { source, rule });
            if first.source != source {
                let problem = format!(
                    "in namespace {namespace} a copy of {} has the same name; give one of the two another name",
                    first.source
                );
                self.problems.insert(source.to_string(), problem);
            }
        }
    }
}

fn sources_of<'a>(
    rule: &'a MirrorRule,
    world: MirrorWorld<'a>,
) -> impl Iterator<Item = (&'a ObjectPlace, &'a MirrorFacts)> {
    let named = match &rule.from {
        MirrorSource::Object(place) => world.sources.get_key_value(place),
        MirrorSource::Annotated(..) => None,
    };
    let annotated = world.sources.iter().filter(|(place, facts)| match &rule.from {
        MirrorSource::Object(_) => false,
        // A copy of kubed has the annotations of its source.
        MirrorSource::Annotated(..) => facts.ask.is_some() && !facts.says_copy && rule.covers(place),
    });
    named.into_iter().chain(annotated)
}

/// Whether a copy in this place would stand on a source. A copy of kubed has the annotations of a source.
fn is_source(place: &ObjectPlace, world: MirrorWorld<'_>) -> bool {
    let known = world.sources.get(place);
    let is_ruled = || world.rules.iter().any(|rule| rule.covers(place));
    world.is_home && known.is_some_and(|facts| !facts.says_copy) && is_ruled()
}

/// Whether the source itself asks for a copy in this namespace. A named source needs no annotation. In other clusters a source that asks by
/// annotation has its copy in the namespace of its own name, as with kubed.
fn is_asked(
    rule: &MirrorRule,
    source: &ObjectPlace,
    facts: &MirrorFacts,
    (namespace, namespace_facts): (&str, &NamespaceFacts),
    world: MirrorWorld<'_>,
) -> bool {
    match (&rule.from, &facts.ask) {
        (MirrorSource::Object(_), _) => true,
        (MirrorSource::Annotated(..), Some(Ok(ask))) if world.is_home => {
            let selector = ask.namespaces.as_ref();
            selector.is_some_and(|selector| selector.matches(&namespace_facts.labels))
        }
        (MirrorSource::Annotated(..), Some(Ok(ask))) => {
            namespace == source.namespace && ask.targets.iter().any(|target| target == world.target.as_str())
        }
        (MirrorSource::Annotated(..), _) => false,
    }
}

/// Why an object is no source of a rule.
fn source_problem(rule: &MirrorRule, facts: &MirrorFacts) -> Option<String> {
    if facts.says_copy {
        return Some("it is a copy itself; name its source in the rule".to_owned());
    }
    if let Some(bound) = facts.type_name.as_deref().filter(|name| BOUND_TYPES.contains(name)) {
        return Some(format!(
            "Secrets of type {bound} belong to one object of the cluster and are not copied"
        ));
    }
    if let Some(key) = rule.keys.keys().find(|key| !facts.entries.contains_key(*key)) {
        return Some(format!(
            "it has no entry {key}, which keys of the rule name; its copies stay as they are"
        ));
    }
    match &facts.ask {
        Some(Err(error)) if matches!(rule.from, MirrorSource::Annotated(..)) => {
            Some(format!("{error}; its copies stay as they are"))
        }
        _ => None,
    }
}

/// The clusters that a source names and that its rules do not. Said once, by the agent's own cluster.
fn unknown_targets(rule: &MirrorRule, facts: &MirrorFacts, world: MirrorWorld<'_>) -> Option<String> {
    let (MirrorSource::Annotated(..), Some(Ok(MirrorAsk { targets, .. })), true) =
        (&rule.from, &facts.ask, world.is_home)
    else {
        return None;
    };
    let is_known = |name: &str| {
        let mut targets = world.all_targets.iter().chain(&rule.targets);
        targets.any(|target| target.as_str() == name)
    };
    let unknown = targets.iter().find(|name| !is_known(name))?;
    Some(format!(
        "its annotation asks for a copy in target {unknown}, and no rule for annotated sources has {unknown} among its targets"
    ))
}
