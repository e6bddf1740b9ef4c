//! A cluster in memory. Its watch delivers when the test says so.

use crate::model::{CommitId, ObjectId, Position, RepoPath, TargetId};
use crate::port::{
    Applied, ClusterFailure, Comparison, Deletion, Dependents, Freshness, Kinds, Mode, Notify, ObservedStore, Record,
    RecordStore, TargetApi, TargetState,
};
use crate::resource::{
    Allocations, AppliedMarks, DeletionLimit, FieldPath, Fingerprint, GroupKind, Health, Intent, KindVersion,
    LiveObject, Object, ObservedObject, Origin, PART_OF_LABEL, Packed, PodFault, Protected, REPLICAS, ResourceVersion,
    ServedKind, SetName, Suspended,
};
use crate::sync::{Approval, SyncReport, Syncer, Target};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Call {
    Record(BTreeSet<GroupKind>),
    Apply(String),
    Delete(String),
    HandOver(String),
    TakeOver(String),
}

#[derive(Default)]
pub(super) struct World {
    pub(super) version: u64,
    pub(super) live: BTreeMap<ObjectId, ObservedObject>,
    /// Objects that others made.
    pub(super) foreign: BTreeMap<ObjectId, LiveObject>,
    pub(super) calls: Vec<Call>,
    pub(super) record: Option<Record>,
    /// What is kept of the applies, by part.
    pub(super) marks: BTreeMap<usize, AppliedMarks>,
    pub(super) mark_writes: usize,
    /// The names of objects whose lists have another order than their manifests.
    pub(super) reordered: BTreeSet<String>,
    /// Applied objects have generations.
    pub(super) has_generations: bool,
    /// The objects of which an apply would change something that no watch shows.
    pub(super) silent: BTreeSet<String>,
    /// The objects that dry runs were about.
    pub(super) dry_runs: Vec<String>,
    pub(super) kinds: Kinds,
    /// Applies that are answered before the server goes away.
    pub(super) answers_left: Option<usize>,
    pub(super) watched: BTreeSet<GroupKind>,
    /// A pass finds the watches as they are: they do not count as listed because a pass watches them.
    pub(super) keeps_watches: bool,
    /// Writes of the record that are answered before the server goes away.
    pub(super) records_left: Option<usize>,
    /// Deleted objects hang on a finalizer.
    pub(super) has_finalizers: bool,
    /// The value of `data.immutable` of each object that was applied.
    pub(super) fixed: BTreeMap<ObjectId, Option<Value>>,
    /// What is wrong with the pods of every workload, and how often they were looked at.
    pub(super) pod_faults: Vec<PodFault>,
    pub(super) pod_looks: usize,
    /// A group whose own server does not answer, which discovery has not noticed.
    pub(super) away_group: Option<String>,
}

pub(super) struct Fake {
    pub(super) set: SetName,
    pub(super) observed: ObservedStore,
    pub(super) world: Mutex<World>,
}

impl Fake {
    pub(super) fn new() -> Arc<Self> {
        Self::named("here")
    }

    /// A cluster of its own whose target has this name.
    pub(super) fn named(name: &str) -> Arc<Self> {
        let fake = Self {
            set: SetName {
                namespace: "tidegate".into(),
                name: name.into(),
            },
            observed: ObservedStore::default(),
            // No object has the version 1, as on a real server.
            world: Mutex::new(World {
                version: 100,
                ..World::default()
            }),
        };
        for (api_version, kind, plural) in [
            ("v1", "ConfigMap", "configmaps"),
            ("v1", "Service", "services"),
            ("batch/v1", "Job", "jobs"),
            ("apps/v1", "Deployment", "deployments"),
        ] {
            fake.serve(api_version, kind, plural);
        }
        Arc::new(fake)
    }

    /// The target that this cluster is: its API and its record.
    pub(super) fn target(self: &Arc<Self>) -> Target<Self, Self> {
        Target {
            id: TargetId::new(&self.set.name),
            api: Arc::clone(self),
            record: Arc::clone(self),
            protected: Protected {
                fence: Vec::new(),
                namespaces: BTreeSet::from([self.set.namespace.clone()]),
                objects: BTreeSet::from([self.set.object()]),
            },
        }
    }

    pub(super) fn syncer(self: &Arc<Self>) -> Syncer<Self, Self> {
        Syncer::new(self.target(), DeletionLimit::default())
    }

    fn serve(&self, api_version: &str, kind: &str, plural: &str) {
        let served = ServedKind {
            kind: KindVersion::new(api_version, kind),
            plural: plural.into(),
            namespaced: true,
            scales: kind == "Deployment",
        };
        let kinds = &mut self.world().kinds;
        kinds.preferred.insert(served.kind.kind.clone(), served.clone());
        kinds.served.insert(served.kind.clone(), served);
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// The watch catches up with everything that has happened.
    pub(super) fn deliver(&self) {
        let world = self.world();
        self.observed.update(|observed| {
            for kind in &world.watched {
                let view = observed.kinds.entry(kind.clone()).or_default();
                view.advance(&ResourceVersion::new(world.version.to_string()));
                let of_kind = world.live.iter().filter(|(id, _)| GroupKind::of(id) == *kind);
                view.replace(None, of_kind.map(|(id, live)| (id.clone(), live.clone())).collect());
                view.set_synced();
            }
            true
        });
    }

    pub(super) fn edit(&self, name: &str, by: &str) {
        let mut world = self.world();
        world.version += 1;
        let version = world.version;
        let live = world.live.iter_mut().find(|(id, _)| id.name == name).unwrap().1;
        live.fingerprint = Some(Fingerprint::of_agent(&format!("edited {version}")));
        live.last_writer = Some(by.into());
        live.last_written = vec![REPLICAS.map(str::to_owned).to_vec()];
        live.version = ResourceVersion::new(version.to_string());
    }

    /// The watch delivers what has become of one object.
    pub(super) fn show(&self, name: &str) {
        let world = self.world();
        let live = world.live.iter().find(|(id, _)| id.name == name);
        self.observed.update(|observed| match live {
            Some((id, live)) => observed.put(&GroupKind::of(id), id, live.clone()),
            None => {
                let shown = observed.objects().find(|(id, _)| id.name == name);
                let gone = shown.map(|(id, live)| (id.clone(), live.clone()));
                let view = gone
                    .as_ref()
                    .and_then(|(id, _)| observed.kinds.get_mut(&GroupKind::of(id)));
                Notify::from(view.zip(gone).is_some_and(|(view, (id, live))| view.remove(&id, live)))
            }
        });
    }

    /// Somebody changes an object, if there is one of this name.
    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut ObservedObject)) {
        let mut world = self.world();
        world.version += 1;
        let version = ResourceVersion::new(world.version.to_string());
        if let Some((_, live)) = world.live.iter_mut().find(|(id, _)| id.name == name) {
            change(live);
            live.version = version;
        }
    }

    /// Somebody changes the order of a list, or what nobody declares: the generation moves, and the agent's entry does not.
    pub(super) fn move_generation(&self, name: &str, by: &str, is_order: bool) {
        if is_order {
            self.world().reordered.insert(name.to_owned());
        }
        self.change(name, |live| {
            live.generation = live.generation.map(|generation| generation + 1);
            live.last_writer = Some(by.to_owned());
            live.has_later_writer = !is_order;
        });
    }

    /// Somebody writes what is not the agent's, such as a status.
    pub(super) fn touch(&self, name: &str) {
        self.change(name, |live| live.has_later_writer = true);
    }

    pub(super) fn set_health(&self, name: &str, health: Health) {
        self.change(name, |live| {
            live.has_later_writer = true;
            live.health = health;
        });
    }

    pub(super) fn edit_if_there(&self, name: &str, by: &str) {
        let is_there = self.world().live.keys().any(|id| id.name == name);
        if is_there {
            self.edit(name, by);
        }
    }

    pub(super) fn copy_if_there(&self, name: &str, to: &str) {
        let is_there = self.world().live.keys().any(|id| id.name == name);
        if is_there {
            self.copy(name, to);
        }
    }

    /// All kinds are watched from now on.
    pub(super) fn watch_all(&self) {
        let kinds = self.world().kinds.preferred.keys().cloned().collect();
        self.watch(&kinds, &Kinds::default());
    }

    /// A backup restores an object under another name, with its label and its `managedFields`.
    pub(super) fn copy(&self, name: &str, to: &str) {
        let mut world = self.world();
        world.version += 1;
        let (id, live) = world.live.iter().find(|(id, _)| id.name == name).unwrap();
        let id = ObjectId {
            name: to.into(),
            ..id.clone()
        };
        let copy = ObservedObject {
            uid: format!("copy of {}", live.uid),
            ..live.clone()
        };
        world.live.insert(id, copy);
    }

    /// An object runs to its end.
    pub(super) fn finish(&self, name: &str) {
        let mut world = self.world();
        let live = world.live.iter_mut().find(|(id, _)| id.name == name).unwrap().1;
        live.is_finished = true;
    }

    pub(super) fn remove(&self, name: &str) {
        let mut world = self.world();
        world.version += 1;
        world.live.retain(|id, _| id.name != name);
    }

    pub(super) fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.world().calls)
    }
}

fn answer(live: &ObservedObject, created: bool) -> Applied {
    Applied {
        uid: live.uid.clone(),
        version: live.version.clone(),
        generation: live.generation,
        fingerprint: live.fingerprint,
        owns_replicas: live.owns_replicas,
        created,
    }
}

fn dry_run(world: &World, id: &ObjectId, body: &Value) -> Applied {
    let live = world.live.get(id);
    let mut text = body.to_string();
    if world.silent.contains(&id.name) {
        text.push_str("and what the server has made of it");
    }
    let fingerprint = Some(Fingerprint::of_agent(&text));
    let generation = live.and_then(|live| {
        let is_same = live.fingerprint == fingerprint;
        live.generation.map(|generation| generation + i64::from(!is_same))
    });
    Applied {
        uid: live.map_or("new", |live| &live.uid).to_owned(),
        version: live.map(|live| live.version.clone()).unwrap_or_default(),
        generation,
        fingerprint,
        owns_replicas: false,
        created: live.is_none(),
    }
}

impl TargetApi for Fake {
    fn default_namespace(&self) -> &str {
        "default"
    }

    async fn kinds(&self, _: &BTreeSet<KindVersion>, _: Freshness) -> Result<Kinds, ClusterFailure> {
        Ok(self.world().kinds.clone())
    }

    async fn apply(&self, _: &ServedKind, id: &ObjectId, body: &Value, mode: Mode) -> Result<Applied, ClusterFailure> {
        let mut world = self.world();
        match &mut world.answers_left {
            Some(0) => return Err(ClusterFailure::Unavailable { message: "away".into() }),
            Some(left) => *left -= 1,
            None => {}
        }
        if world.away_group.as_ref() == Some(&id.group) {
            return Err(ClusterFailure::GroupAway { message: "503".into() });
        }
        let is_create_only = body["metadata"]["resourceVersion"] == "1";
        if is_create_only && (world.foreign.contains_key(id) || world.live.contains_key(id)) {
            return Err(ClusterFailure::Conflict {
                message: "the object has been modified".into(),
            });
        }
        if body.pointer("/data/refused").is_some() {
            world.calls.push(Call::Apply(id.name.clone()));
            return Err(ClusterFailure::Refused {
                message: "denied by a webhook".into(),
            });
        }
        let fixed = body.pointer("/data/immutable").cloned();
        let is_fixed = world.fixed.get(id).is_some_and(|known| *known != fixed);
        if is_fixed && world.live.contains_key(id) {
            world.calls.push(Call::Apply(id.name.clone()));
            return Err(ClusterFailure::Immutable {
                message: "data: field is immutable".into(),
            });
        }
        let asked = Allocations::of(&GroupKind::of(id), body);
        if world
            .live
            .iter()
            .any(|(other, live)| other != id && live.allocations.overlaps(&asked))
        {
            world.calls.push(Call::Apply(id.name.clone()));
            return Err(ClusterFailure::Refused {
                message: "spec.ports[0].nodePort: Invalid value: provided port is already allocated".into(),
            });
        }
        if mode == Mode::DryRun {
            world.dry_runs.push(id.name.clone());
            return Ok(dry_run(&world, id, body));
        }
        world.silent.remove(&id.name);
        let mut declared = body.clone();
        if let Some(metadata) = declared["metadata"].as_object_mut() {
            metadata.remove("resourceVersion");
        }
        let text = declared.to_string();
        let is_same = |live: &&ObservedObject| {
            world.has_generations
                && live.fingerprint == Some(Fingerprint::of_agent(&text))
                && !world.reordered.contains(&id.name)
        };
        if let Some(live) = world.live.get(id).filter(is_same) {
            let applied = answer(live, false);
            world.calls.push(Call::Apply(id.name.clone()));
            return Ok(applied);
        }
        let was_reordered = world.reordered.remove(&id.name);
        world.version += 1;
        let version = ResourceVersion::new(world.version.to_string());
        let created = world.foreign.remove(id).is_none() && !world.live.contains_key(id);
        let (next_uid, has_generations) = (format!("u{}", world.version), world.has_generations);
        let live = world
            .live
            .entry(id.clone())
            .or_insert_with(|| ObservedObject::plain(&next_uid, version.clone()));
        live.version = version;
        // The entry has a time: a write that changes something moves it.
        let time = if was_reordered { next_uid } else { String::new() };
        live.fingerprint = Some(Fingerprint::of_agent(&(text + &time)));
        live.generation = has_generations.then(|| live.generation.unwrap_or_default() + 1);
        live.allocations = asked;
        live.owns_replicas = body.pointer("/spec/replicas").is_some();
        let applied = answer(live, created);
        world.fixed.insert(id.clone(), fixed);
        world.calls.push(Call::Apply(id.name.clone()));
        Ok(applied)
    }

    /// What may be changed is as it would be.
    async fn compare(&self, kind: &ServedKind, id: &ObjectId, body: &Value) -> Result<Comparison, ClusterFailure> {
        let applied = self.apply(kind, id, body, Mode::DryRun).await?;
        Ok(Comparison {
            live: (!applied.created).then(|| body.clone()),
            applied: body.clone(),
        })
    }

    async fn hand_over(&self, _: &ServedKind, id: &ObjectId, field: &FieldPath) -> Result<(), ClusterFailure> {
        assert_eq!(*field, REPLICAS);
        let mut world = self.world();
        world.calls.push(Call::HandOver(id.name.clone()));
        if let Some(live) = world.live.get_mut(id) {
            live.owns_replicas = false;
        }
        Ok(())
    }

    async fn look(
        &self,
        _: &ServedKind,
        id: &ObjectId,
    ) -> Result<Option<(LiveObject, ResourceVersion)>, ClusterFailure> {
        let world = self.world();
        if let Some(live) = world.foreign.get(id) {
            return Ok(Some((live.clone(), ResourceVersion::new("7"))));
        }
        let own = |live: &ObservedObject| {
            let live_object = LiveObject {
                labels: BTreeMap::from([(PART_OF_LABEL.to_owned(), self.set.id().to_string())]),
                was_applied: live.fingerprint.is_some(),
                ..LiveObject::default()
            };
            (live_object, live.version.clone())
        };
        Ok(world.live.get(id).map(own))
    }

    async fn set_managed_fields(
        &self,
        _: &ServedKind,
        id: &ObjectId,
        version: &ResourceVersion,
        entries: &[Value],
    ) -> Result<ResourceVersion, ClusterFailure> {
        let mut world = self.world();
        world.calls.push(Call::TakeOver(id.name.clone()));
        if let Some(live) = world.foreign.get_mut(id) {
            live.entries = entries.to_vec();
        }
        Ok(version.clone())
    }

    async fn find_set(&self, id: &str) -> Result<Option<SetName>, ClusterFailure> {
        let other = SetName {
            namespace: "other".into(),
            name: "tidegate".into(),
        };
        Ok((other.id().as_str() == id).then_some(other))
    }

    async fn delete(
        &self,
        _: &ServedKind,
        id: &ObjectId,
        seen: &ObservedObject,
        _: Dependents,
    ) -> Result<Deletion, ClusterFailure> {
        let mut world = self.world();
        world.calls.push(Call::Delete(id.name.clone()));
        match world.live.get(id) {
            None => Ok(Deletion::Absent),
            Some(live) if live.uid != seen.uid || live.version != seen.version => Err(ClusterFailure::Conflict {
                message: "changed".into(),
            }),
            Some(_) if world.has_finalizers => {
                world.version += 1;
                if let Some(live) = world.live.get_mut(id) {
                    live.is_terminating = true;
                }
                Ok(Deletion::Accepted)
            }
            Some(_) => {
                world.version += 1;
                world.live.remove(id);
                Ok(Deletion::Accepted)
            }
        }
    }

    async fn pod_faults(&self, _: &ObjectId, _: &str, _: &str) -> Result<Vec<PodFault>, ClusterFailure> {
        let mut world = self.world();
        world.pod_looks += 1;
        Ok(world.pod_faults.clone())
    }

    fn watch(&self, kinds: &BTreeSet<GroupKind>, _: &Kinds) {
        self.world().watched = kinds.clone();
        if self.world().keeps_watches {
            return;
        }
        self.observed.update(|observed| {
            for kind in kinds {
                observed.kinds.entry(kind.clone()).or_default().synced = true;
            }
            true
        });
    }

    fn observed(&self) -> &ObservedStore {
        &self.observed
    }

    fn requests(&self) -> u64 {
        self.world().calls.len() as u64
    }
}

impl RecordStore for Fake {
    fn set(&self) -> &SetName {
        &self.set
    }

    async fn read(&self) -> Result<Option<Record>, ClusterFailure> {
        Ok(self.world().record.clone())
    }

    async fn write(&self, record: &Record) -> Result<(), ClusterFailure> {
        let mut world = self.world();
        match &mut world.records_left {
            Some(0) => return Err(ClusterFailure::Unavailable { message: "away".into() }),
            Some(left) => *left -= 1,
            None => {}
        }
        world.calls.push(Call::Record(record.kinds.clone()));
        world.record = Some(record.clone());
        Ok(())
    }

    async fn read_marks(&self) -> Result<AppliedMarks, ClusterFailure> {
        Ok(self
            .world()
            .marks
            .values()
            .flatten()
            .map(|(key, mark)| (*key, *mark))
            .collect())
    }

    async fn write_marks(&self, part: usize, _: usize, marks: &AppliedMarks) -> Result<(), ClusterFailure> {
        let mut world = self.world();
        world.mark_writes += 1;
        world.marks.insert(part, marks.clone());
        Ok(())
    }
}

pub(super) fn commit(number: u8, objects: &[(&str, &str, Value)]) -> TargetState {
    let objects = objects.iter().map(|(kind, name, data)| {
        Arc::new(Object {
            id: ObjectId::new("v1", kind, Some("shop"), name),
            api_version: "v1".into(),
            value: Packed::of(&json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "data": data})),
            intent: Intent::default(),
            origin: Origin::File {
                path: RepoPath::parse(&format!("{name}.yaml")).unwrap(),
                position: Position { line: 1, column: 1 },
            },
        })
    });
    TargetState {
        target: TargetId::here(),
        commit: CommitId::from_bytes([number; 20]),
        objects: objects.collect(),
        findings: vec![],
        units: [].into(),
        complete: true,
        suspended: Suspended::default(),
    }
}

pub(super) fn maps(names: &[&'static str]) -> Vec<(&'static str, &'static str, Value)> {
    names
        .iter()
        .map(|name| ("ConfigMap", *name, json!({"k": "v"})))
        .collect()
}

pub(super) async fn pass(syncer: &mut Syncer<Fake, Fake>, declared: &TargetState) -> SyncReport {
    syncer.pass(declared, Approval::default()).await
}

pub(super) fn applies<'a>(calls: &'a [Call]) -> Vec<&'a str> {
    let name = |call: &'a Call| match call {
        Call::Apply(name) => Some(name.as_str()),
        _ => None,
    };
    calls.iter().filter_map(name).collect()
}
