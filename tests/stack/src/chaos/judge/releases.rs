//! HelmReleases: what git declares is what helm has deployed, and what leaves git is uninstalled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Result;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::api::{Api, ListParams};
use serde_json::Value;

use super::snapshot::Snapshot;
use crate::chaos::model::tree::{Key, Tree};
use crate::chaos::releases;
use crate::chaos::world::World;

/// What helm has made, and the HelmReleases.
#[derive(Default)]
pub(super) struct Seen {
    maps: BTreeMap<String, ConfigMap>,
    /// For each release, its revisions with their statuses.
    revisions: BTreeMap<String, BTreeMap<u64, String>>,
    objects: BTreeSet<String>,
}

impl Seen {
    pub(super) async fn take(world: &World<'_>) -> Result<Self> {
        let mut seen = Self::default();
        if !world.has_helm {
            return Ok(seen);
        }
        let namespace = releases::namespace(&world.name);
        let maps: Api<ConfigMap> = Api::namespaced(world.client.clone(), &namespace);
        for map in maps.list(&ListParams::default()).await? {
            seen.maps.extend(map.metadata.name.clone().map(|name| (name, map)));
        }
        let secrets: Api<Secret> = Api::namespaced(world.client.clone(), &namespace);
        for secret in secrets.list(&ListParams::default().labels("owner=helm")).await? {
            let labels = secret.metadata.labels.unwrap_or_default();
            let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
            let revisions = seen.revisions.entry(label("name")).or_default();
            revisions.insert(label("version").parse().unwrap_or_default(), label("status"));
        }
        let objects = releases::api(world).list(&ListParams::default()).await?;
        seen.objects = objects.into_iter().filter_map(|object| object.metadata.name).collect();
        Ok(seen)
    }
}

/// What the judge remembers.
#[derive(Default)]
pub(super) struct Memory {
    /// The UIDs of the ConfigMaps of the releases that were declared when the world was at rest.
    uids: BTreeMap<String, String>,
}

fn key(world: &World<'_>, name: &str) -> Key {
    Key {
        kind: "HelmRelease".to_owned(),
        namespace: world.name.clone(),
        name: name.to_owned(),
    }
}

/// What is not as declared.
pub(super) fn open(world: &World<'_>, tree: &Tree, snapshot: &Snapshot) -> Option<String> {
    if !world.has_helm {
        return None;
    }
    releases::names().find_map(|name| {
        let key = key(world, &name);
        let seen = &snapshot.releases;
        let wrong = match tree.objects.get(&key) {
            _ if tree.twins.contains(&key) => None,
            Some(declared) => not_deployed(&declared.value, &name, seen),
            None if seen.objects.contains(&name) => {
                may_be_deleted(tree, snapshot).then(|| "it is no longer declared and was not deleted".to_owned())
            }
            None => {
                let is_left = seen.maps.contains_key(&name) || seen.revisions.contains_key(&name);
                is_left.then(|| "it is gone, and its release is left".to_owned())
            }
        };
        wrong.map(|wrong| format!("{key}: {wrong}; revisions: {:?}", seen.revisions.get(&name)))
    })
}

fn not_deployed(declared: &Value, name: &str, seen: &Seen) -> Option<String> {
    let value = declared.pointer("/spec/values/value").and_then(Value::as_str);
    let data = seen.maps.get(name).and_then(|map| map.data.as_ref());
    let text = |entry: &str| data.and_then(|data| data.get(entry)).map(String::as_str);
    if text("value") != value || text("other") != Some("of the chart") {
        return Some(format!("the cluster has {data:?}, and {value:?} is declared"));
    }
    let newest = seen
        .revisions
        .get(name)
        .and_then(|revisions| revisions.values().next_back());
    (newest.map(String::as_str) != Some("deployed")).then(|| "the newest revision is not deployed".to_owned())
}

/// Whether nothing keeps a deletion back.
fn may_be_deleted(tree: &Tree, snapshot: &Snapshot) -> bool {
    let is_whole = tree.unread.is_empty() && tree.twins.is_empty();
    let waits = snapshot
        .status
        .pointer("/targets/here/waiting")
        .is_some_and(|waiting| !waiting.is_null());
    let problems = snapshot.texts("/targets/here/problems");
    let is_kept = problems.iter().any(|problem| problem.contains("not deleted"));
    is_whole && !waits && !is_kept
}

impl Memory {
    /// What must not have happened: a release that was declared all the time was made anew. Remembers what stands now.
    pub(super) fn wrong(&mut self, world: &mut World<'_>, trees: &[Arc<Tree>], snapshot: &Snapshot) -> Option<String> {
        let moved = std::mem::take(&mut world.touched.moved);
        let uid = |name: &str| snapshot.releases.maps.get(name)?.metadata.uid.clone();
        let mut stood = self.uids.iter().filter(|(name, _)| {
            let key = key(world, name);
            !moved.contains(*name) && trees.iter().all(|tree| tree.objects.contains_key(&key))
        });
        let anew = stood.find(|(name, known)| uid(name).as_ref() != Some(*known));
        if let Some((name, _)) = anew {
            return Some(format!(
                "what helm made of HelmRelease {name} was made anew, and nobody had deleted it"
            ));
        }
        self.uids = releases::names()
            .filter_map(|name| Some((name.clone(), uid(&name)?)))
            .collect();
        None
    }
}
