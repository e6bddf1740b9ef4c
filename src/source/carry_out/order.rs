//! Objects that wait for those of other Kustomizations (`dependsOn`).

use super::spec::{Carried, Key};
use crate::model::{Finding, Severity};
use crate::resource::{Dependency, GroupKind, Ignore, Object, Wave};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An object waits for no more objects of another Kustomization than this. Those that are ready at once are not among them.
const MOST: usize = 256;

/// Kinds without a namespace that objects wait for, besides those whose names begin with `Cluster`.
const CLUSTER_WIDE: [&str; 6] = [
    "Namespace",
    "CustomResourceDefinition",
    "IngressClass",
    "StorageClass",
    "PersistentVolume",
    "APIService",
];

/// What was rendered for each Kustomization; `None` for one that could not be.
pub(super) type Outcomes = BTreeMap<Key, (Carried, Option<Vec<Arc<Object>>>)>;

/// Makes objects wait, and takes those out whose Kustomizations wait for what is not there.
pub(super) fn order(outcomes: &mut Outcomes, findings: &mut Vec<Finding>) {
    let mut waits_for: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
    for (key, (carried, _)) in outcomes.iter() {
        let on = carried.spec.depends_on.iter().map(|on| Key {
            namespace: on.namespace.clone().unwrap_or_else(|| key.namespace.clone()),
            name: on.name.clone(),
        });
        waits_for.insert(key.clone(), on.collect());
    }
    // One after the other: those whose dependencies are all decided.
    let mut decided: BTreeMap<Key, bool> = BTreeMap::new();
    while let Some(key) = next(&waits_for, &decided) {
        let on = &waits_for[&key];
        let missing = on.iter().find(|on| decided.get(on) != Some(&true));
        let reason = missing.map(|on| match outcomes.contains_key(on) {
            true => format!("it waits for Kustomization {on}, which is not carried out"),
            false => format!("it waits for Kustomization {on}, which is not declared; correct spec.dependsOn"),
        });
        refuse(&key, reason, outcomes, findings);
        let is_there = outcomes[&key].1.is_some();
        if is_there {
            wait(&key, on, outcomes, findings);
        }
        decided.insert(key, is_there);
    }
    for key in waits_for.keys().filter(|key| !decided.contains_key(key)) {
        let reason = "it waits for itself, by spec.dependsOn; take one dependency of the circle away".to_owned();
        refuse(key, Some(reason), outcomes, findings);
    }
}

fn next(waits_for: &BTreeMap<Key, BTreeSet<Key>>, decided: &BTreeMap<Key, bool>) -> Option<Key> {
    let is_free = |on: &Key| decided.contains_key(on) || !waits_for.contains_key(on);
    let mut open = waits_for.iter().filter(|(key, _)| !decided.contains_key(key));
    let (key, _) = open.find(|(_, on)| on.iter().all(is_free))?;
    Some(key.clone())
}

fn refuse(key: &Key, reason: Option<String>, outcomes: &mut Outcomes, findings: &mut Vec<Finding>) {
    let Some((carried, objects)) = outcomes.get_mut(key) else {
        return;
    };
    if let (Some(reason), Some(_)) = (reason, objects.as_ref()) {
        findings.push(carried.finding(Severity::Error, format!("not carried out: {reason}")));
        *objects = None;
    }
}

fn wait(key: &Key, on: &BTreeSet<Key>, outcomes: &mut Outcomes, findings: &mut Vec<Finding>) {
    let mut all = Vec::new();
    for on in on {
        let Some((carried, Some(objects))) = outcomes.get(on) else {
            continue;
        };
        let awaited: Vec<Dependency> = objects
            .iter()
            .filter(|object| is_awaited(carried, object))
            .map(dependency)
            .collect();
        if awaited.len() > MOST {
            let message = format!("the objects of {key} wait for its first {MOST} objects alone");
            findings.push(carried.finding(Severity::Warning, message));
        }
        all.extend(awaited.into_iter().take(MOST));
    }
    if all.is_empty() {
        return;
    }
    let Some((_, Some(objects))) = outcomes.get_mut(key) else {
        return;
    };
    for object in objects {
        let mut changed = Object::clone(object);
        changed.intent.depends_on.extend(all.iter().cloned());
        *object = Arc::new(changed);
    }
}

/// Whether the Kustomization is ready only with this object: with `wait` each one, else those of `healthChecks`, and what other
/// objects cannot do without.
fn is_awaited(carried: &Carried, object: &Object) -> bool {
    let is_checked = || {
        let mut checks = carried.spec.health_checks.iter();
        checks.any(|check| {
            let is_in = check.namespace.is_none() || check.namespace == object.id.namespace;
            is_in && check.kind == object.id.kind && check.name == object.id.name
        })
    };
    let is_instant = [
        "ConfigMap",
        "Secret",
        "ServiceAccount",
        "Role",
        "RoleBinding",
        "ClusterRole",
        "ClusterRoleBinding",
    ]
    .contains(&object.id.kind.as_str());
    // Where an object without a namespace goes is not known here, unless its kind has none.
    let kind = object.id.kind.as_str();
    let is_placed = object.id.namespace.is_some() || kind.starts_with("Cluster") || CLUSTER_WIDE.contains(&kind);
    object.intent.ignore != Ignore::Yes
        && is_placed
        && !is_instant
        && (carried.spec.wait || is_checked() || Wave::is_waited_for(&GroupKind::of(&object.id)))
}

fn dependency(object: &Arc<Object>) -> Dependency {
    Dependency {
        group: Some(object.id.group.clone()),
        kind: object.id.kind.clone(),
        namespace: object.id.namespace.clone(),
        name: object.id.name.clone(),
    }
}
