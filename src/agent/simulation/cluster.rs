//! The cluster on its API server: objects with versions and UIDs, server-side apply in little, and the events of the watches.

use super::git_server::Commit;
use crate::model::ObjectId;
use crate::port::Record;
use crate::resource::{AppliedMarks, Fingerprint, ObservedObject, ResourceVersion};
use serde_json::Value;
use std::collections::BTreeMap;
use tokio::sync::watch;

/// Who made an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Maker {
    Agent,
    Person,
    /// A backup: it has the label and the agent's field manager.
    Backup,
}

/// A live object.
#[derive(Debug, Clone)]
pub(super) struct Live {
    pub(super) uid: String,
    pub(super) version: u64,
    /// Counts the changes of what is not metadata. A ConfigMap has none.
    pub(super) generation: Option<i64>,
    pub(super) maker: Maker,
    /// Whether the agent has applied this very object.
    pub(super) is_applied: bool,
    pub(super) has_label: bool,
    /// The image or the value.
    pub(super) content: String,
    /// Changes with each change of a field of the agent.
    pub(super) fields: Option<String>,
    pub(super) last_writer: Option<String>,
    /// The managed fields of others.
    pub(super) entries: Vec<Value>,
}

/// A change of a labelled object.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) id: ObjectId,
    /// The object after the change, or as it was last.
    pub(super) object: ObservedObject,
    pub(super) is_gone: bool,
}

pub(super) struct Cluster {
    pub(super) version: u64,
    pub(super) live: BTreeMap<ObjectId, Live>,
    pub(super) events: Vec<Event>,
    pub(super) record: Option<Record>,
    /// What processes keep of their applies.
    pub(super) marks: BTreeMap<usize, AppliedMarks>,
    /// Counts the writes of the record.
    pub(super) record_version: u64,
    /// One channel for each process: tokio wakes the receivers of one channel in no order.
    changes: Vec<watch::Sender<usize>>,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            // No object has the version 1, as on a real server.
            version: 100,
            live: BTreeMap::new(),
            events: Vec::new(),
            record: None,
            marks: BTreeMap::new(),
            record_version: 0,
            changes: Vec::new(),
        }
    }
}

impl Live {
    pub(super) fn observed(&self) -> ObservedObject {
        ObservedObject {
            fingerprint: self.fields.as_deref().map(Fingerprint::of_agent),
            last_writer: self.last_writer.clone(),
            generation: self.generation,
            is_copy: self.maker == Maker::Backup && !self.is_applied,
            ..ObservedObject::plain(&self.uid, ResourceVersion::new(self.version.to_string()))
        }
    }
}

/// The model's name of an object: `Deployment/web`.
pub(super) fn key(id: &ObjectId) -> String {
    format!("{}/{}", id.kind, id.name)
}

/// The object of a key.
pub(super) fn id(key: &str) -> ObjectId {
    let (kind, name) = key.split_once('/').unwrap_or_default();
    let api_version = if kind == "Deployment" { "apps/v1" } else { "v1" };
    ObjectId::new(api_version, kind, Some("shop"), name)
}

/// The image or the value of a manifest.
pub(super) fn content(body: &Value) -> String {
    let image = body.pointer("/spec/template/spec/containers/0/image");
    let value = image.or_else(|| body.pointer("/data/value"));
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Cluster {
    /// Follows how many events there are.
    pub(super) fn subscribe(&mut self) -> watch::Receiver<usize> {
        let (sender, receiver) = watch::channel(self.events.len());
        self.changes.push(sender);
        receiver
    }

    fn announce(&mut self, event: Event) {
        self.events.push(event);
        let count = self.events.len();
        self.changes.retain(|channel| channel.send(count).is_ok());
    }

    /// Stores a new version of an object, and announces it.
    pub(super) fn put(&mut self, id: &ObjectId, change: impl FnOnce(&mut Live)) -> &Live {
        self.version += 1;
        let version = self.version;
        let live = self.live.entry(id.clone()).or_insert_with(|| Live {
            uid: format!("u{version}"),
            version,
            generation: (id.kind == "Deployment").then_some(0),
            maker: Maker::Person,
            is_applied: false,
            has_label: false,
            content: String::new(),
            fields: None,
            last_writer: None,
            entries: Vec::new(),
        });
        let before = live.content.clone();
        change(live);
        live.version = version;
        if live.content != before {
            live.generation = live.generation.map(|generation| generation + 1);
        }
        if live.has_label {
            let object = live.observed();
            self.announce(Event {
                id: id.clone(),
                object,
                is_gone: false,
            });
        }
        &self.live[id]
    }

    /// Removes an object, and announces that.
    pub(super) fn remove(&mut self, id: &ObjectId) {
        let Some(mut live) = self.live.remove(id) else { return };
        self.version += 1;
        live.version = self.version;
        if live.has_label {
            self.announce(Event {
                id: id.clone(),
                object: live.observed(),
                is_gone: true,
            });
        }
    }

    /// The labelled objects as they were after this many events.
    pub(super) fn listed(&self, events: usize) -> BTreeMap<ObjectId, ObservedObject> {
        let mut listed = BTreeMap::new();
        for event in self.events.iter().take(events) {
            match event.is_gone {
                true => drop(listed.remove(&event.id)),
                false => drop(listed.insert(event.id.clone(), event.object.clone())),
            }
        }
        listed
    }

    /// The objects that the agent has applied and that this commit does not declare.
    pub(super) fn undeclared(&self, commit: &Commit) -> Vec<&ObjectId> {
        let applied = self.live.iter().filter(|(_, live)| live.is_applied && live.has_label);
        let undeclared = applied.filter(|(id, _)| !commit.declares.objects.contains_key(&key(id)));
        undeclared.map(|(id, _)| id).collect()
    }

    /// How many objects have the set's label.
    pub(super) fn set(&self) -> usize {
        self.live.values().filter(|live| live.has_label).count()
    }
}
