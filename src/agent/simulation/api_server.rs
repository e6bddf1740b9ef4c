//! The API server as one process of the agent uses it: requests over the network, and the record.

use super::cluster::{Live, Maker, content, key};
use super::link::{Link, NoAnswer};
use super::world::State;
use crate::model::ObjectId;
use crate::port::{
    Applied, ClusterFailure, Deletion, Dependents, Freshness, Kinds, Mode, ObservedStore, Record, RecordStore,
    TargetApi,
};
use crate::resource::{
    AppliedMarks, FieldPath, Fingerprint, GroupKind, KindVersion, LiveObject, ObservedObject, PART_OF_LABEL,
    ResourceVersion, ServedKind, SetName,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::watch;

/// The API server.
pub(super) struct ApiServer {
    pub(super) link: Link,
    pub(super) store: ObservedStore,
    /// The kinds that the agent watches.
    pub(super) watched: watch::Sender<BTreeSet<GroupKind>>,
    set: SetName,
    kinds: Kinds,
    /// The version of the record that was read or written last.
    seen: AtomicU64,
}

fn no_answer(NoAnswer: NoAnswer) -> ClusterFailure {
    ClusterFailure::Unavailable {
        message: "the API server did not answer in time".to_owned(),
    }
}

fn conflict() -> ClusterFailure {
    ClusterFailure::Conflict {
        message: "the object has been modified".to_owned(),
    }
}

fn applied(live: &Live, created: bool) -> Applied {
    Applied {
        uid: live.uid.clone(),
        version: ResourceVersion::new(live.version.to_string()),
        generation: live.generation,
        fingerprint: live.fields.as_deref().map(Fingerprint::of_agent),
        owns_replicas: false,
        created,
    }
}

impl ApiServer {
    pub(super) fn new(link: Link, set: SetName) -> Self {
        let mut kinds = Kinds::default();
        for (api_version, kind, plural) in [
            ("v1", "ConfigMap", "configmaps"),
            ("apps/v1", "Deployment", "deployments"),
        ] {
            let served = ServedKind {
                kind: KindVersion::new(api_version, kind),
                plural: plural.to_owned(),
                namespaced: true,
                scales: kind == "Deployment",
            };
            kinds.preferred.insert(served.kind.kind.clone(), served.clone());
            kinds.served.insert(served.kind.clone(), served);
        }
        Self {
            link,
            store: ObservedStore::default(),
            watched: watch::Sender::default(),
            set,
            kinds,
            seen: AtomicU64::new(0),
        }
    }
}

impl ApiServer {
    fn note_recorded(&self, record: Option<&Record>) {
        let commit = record.and_then(|record| record.commit);
        self.link.world.lock().judge.recorded.insert(self.link.who, commit);
    }
}

/// What an apply of the agent would leave.
fn foretold(state: &State, id: &ObjectId, body: &Value) -> Applied {
    let fields = fields(body);
    match state.cluster.live.get(id) {
        Some(live) if is_same(live, body, &fields) => applied(live, false),
        live => Applied {
            uid: live.map(|live| live.uid.clone()).unwrap_or_default(),
            version: ResourceVersion::new(state.cluster.version.to_string()),
            generation: live.and_then(|live| Some(live.generation? + 1)),
            fingerprint: Some(Fingerprint::of_agent(&fields)),
            owns_replicas: false,
            created: live.is_none(),
        },
    }
}

/// The fields that an apply owns.
fn fields(body: &Value) -> String {
    let text = body.get("spec").or_else(|| body.get("data"));
    text.map(ToString::to_string).unwrap_or_default()
}

fn is_same(live: &Live, body: &Value, fields: &String) -> bool {
    live.fields.as_ref() == Some(fields) && live.content == content(body) && live.has_label
}

/// Server-side apply of the agent.
fn apply(state: &mut State, who: usize, id: &ObjectId, body: &Value) -> Result<Applied, ClusterFailure> {
    if state.fails(20) {
        return Err(ClusterFailure::Refused {
            message: "denied by a webhook".to_owned(),
        });
    }
    let live = state.cluster.live.get(id);
    match (live, body.pointer("/metadata/resourceVersion").and_then(Value::as_str)) {
        (Some(live), Some(version)) if live.version.to_string() != version => return Err(conflict()),
        (None, Some(version)) if version != "1" => return Err(conflict()),
        _ => {}
    }
    let (new, fields) = (content(body), fields(body));
    if let Some(live) = live.filter(|live| is_same(live, body, &fields)) {
        let answer = applied(live, false);
        state.note_apply(who, id);
        return Ok(answer);
    }
    let created = live.is_none();
    let live = state.cluster.put(id, |live| {
        if created {
            live.maker = Maker::Agent;
        }
        live.has_label = true;
        live.content = new;
        live.fields = Some(fields);
    });
    let answer = applied(live, created);
    state.note_apply(who, id);
    Ok(answer)
}

impl TargetApi for ApiServer {
    fn default_namespace(&self) -> &str {
        "default"
    }

    async fn kinds(&self, _: &BTreeSet<KindVersion>, freshness: Freshness) -> Result<Kinds, ClusterFailure> {
        if freshness == Freshness::AskIfUnknown {
            self.link.local_work().await;
        }
        Ok(self.kinds.clone())
    }

    async fn apply(&self, _: &ServedKind, id: &ObjectId, body: &Value, mode: Mode) -> Result<Applied, ClusterFailure> {
        let (who, id, body) = (self.link.who, id.clone(), body.clone());
        if mode == Mode::DryRun {
            let foretold = self
                .link
                .request("dry run", move |state| Ok(foretold(state, &id, &body)));
            return foretold.await.map_err(no_answer)?;
        }
        let sent = self.link.request("apply", move |state| {
            let answer = apply(state, who, &id, &body);
            let words = answer.as_ref().map(|applied| applied.version.as_str().to_owned());
            state.note(who, "apply", format_args!("{} {}: {words:?}", key(&id), content(&body)));
            answer
        });
        sent.await.map_err(no_answer)?
    }

    async fn hand_over(&self, _: &ServedKind, _: &ObjectId, _: &FieldPath) -> Result<(), ClusterFailure> {
        Ok(())
    }

    async fn look(
        &self,
        _: &ServedKind,
        id: &ObjectId,
    ) -> Result<Option<(LiveObject, ResourceVersion)>, ClusterFailure> {
        let (set, id) = (self.set.id(), id.clone());
        let looked = self.link.request("look", move |state| {
            let live = state.cluster.live.get(&id)?;
            let label = live.has_label.then(|| (PART_OF_LABEL.to_owned(), set.to_string()));
            let object = LiveObject {
                labels: label.into_iter().collect(),
                annotations: BTreeMap::new(),
                managers: live.last_writer.iter().cloned().collect(),
                entries: live.entries.clone(),
                was_applied: live.observed().fingerprint.is_some() && !live.observed().is_copy,
            };
            Some((object, ResourceVersion::new(live.version.to_string())))
        });
        looked.await.map_err(no_answer)
    }

    async fn set_managed_fields(
        &self,
        _: &ServedKind,
        id: &ObjectId,
        version: &ResourceVersion,
        entries: &[Value],
    ) -> Result<ResourceVersion, ClusterFailure> {
        let (id, version, entries) = (id.clone(), version.clone(), entries.to_vec());
        let sent = self.link.request("take over", move |state| {
            let found = state.cluster.live.get(&id);
            if found.is_none_or(|live| live.version.to_string() != version.as_str()) {
                return Err(conflict());
            }
            let live = state.cluster.put(&id, |live| live.entries = entries.clone());
            Ok(ResourceVersion::new(live.version.to_string()))
        });
        sent.await.map_err(no_answer)?
    }

    async fn find_set(&self, _: &str) -> Result<Option<SetName>, ClusterFailure> {
        Ok(None)
    }

    async fn delete(
        &self,
        _: &ServedKind,
        id: &ObjectId,
        seen: &ObservedObject,
        _: Dependents,
    ) -> Result<Deletion, ClusterFailure> {
        let (who, id, seen) = (self.link.who, id.clone(), seen.clone());
        let sent = self.link.request("delete", move |state| {
            let answer = match state.cluster.live.get(&id) {
                None => Ok(Deletion::Absent),
                Some(live) if live.uid != seen.uid || live.version.to_string() != seen.version.as_str() => {
                    Err(conflict())
                }
                Some(_) => {
                    state.judge_deletion(who, &id);
                    state.cluster.remove(&id);
                    Ok(Deletion::Accepted)
                }
            };
            state.note(who, "delete", format_args!("{}: {answer:?}", key(&id)));
            answer
        });
        sent.await.map_err(no_answer)?
    }

    fn watch(&self, kinds: &BTreeSet<GroupKind>, _: &Kinds) {
        self.store.update(|observed| {
            observed.kinds.retain(|kind, _| kinds.contains(kind));
            for kind in kinds {
                observed.kinds.entry(kind.clone()).or_default();
            }
            false
        });
        self.watched.send_if_modified(|watched| {
            let is_new = watched != kinds;
            watched.clone_from(kinds);
            is_new
        });
    }

    fn observed(&self) -> &ObservedStore {
        &self.store
    }

    fn requests(&self) -> u64 {
        0
    }
}

impl RecordStore for ApiServer {
    fn set(&self) -> &SetName {
        &self.set
    }

    async fn read(&self) -> Result<Option<Record>, ClusterFailure> {
        let read = self.link.request("read record", |state| {
            (state.cluster.record_version, state.cluster.record.clone())
        });
        let (version, record) = read.await.map_err(no_answer)?;
        self.seen.store(version, Ordering::Relaxed);
        self.note_recorded(record.as_ref());
        Ok(record)
    }

    async fn write(&self, record: &Record) -> Result<(), ClusterFailure> {
        let written = record.clone();
        let (who, record, seen) = (self.link.who, record.clone(), self.seen.load(Ordering::Relaxed));
        let answer = self.link.request("record", move |state| {
            let text = record.commit.map(|commit| commit.short());
            let is_seen = state.cluster.record_version == seen;
            let words = if is_seen {
                &record.status
            } else {
                "somebody else wrote it"
            };
            state.note(who, "record", format_args!("{text:?}: {words} {:?}", record.problems));
            if !is_seen {
                return Err(conflict());
            }
            state.cluster.record_version += 1;
            state.cluster.record = Some(record.clone());
            Ok(state.cluster.record_version)
        });
        let version = answer.await.map_err(no_answer)??;
        self.seen.store(version, Ordering::Relaxed);
        self.note_recorded(Some(&written));
        Ok(())
    }

    async fn read_marks(&self) -> Result<AppliedMarks, ClusterFailure> {
        let read = self.link.request("read marks", |state| state.cluster.marks.clone());
        let marks = read.await.map_err(no_answer)?;
        Ok(marks.into_values().flatten().collect())
    }

    async fn write_marks(&self, part: usize, _: usize, marks: &AppliedMarks) -> Result<(), ClusterFailure> {
        let (who, marks) = (self.link.who, marks.clone());
        let written = self.link.request("marks", move |state| {
            state.note(who, "marks", format_args!("{part}: {}", marks.len()));
            state.cluster.marks.insert(part, marks.clone());
        });
        written.await.map_err(no_answer)
    }
}
