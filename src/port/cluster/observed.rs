use crate::model::ObjectId;
use crate::resource::{GroupKind, ObservedObject, ResourceVersion};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// What the watch of one kind shows.
#[derive(Debug, Clone, Default)]
pub struct KindView {
    /// Whether the watch has delivered a complete list and has not been interrupted since.
    pub synced: bool,
    /// Why the watch failed, after its last attempt failed.
    pub failing: Option<String>,
    /// Whether the failure is about the server and not about the kind.
    pub away: bool,
    /// The newest version that any event of this kind carried, deletions included.
    pub latest: ResourceVersion,
    /// The set's objects of this kind.
    pub objects: BTreeMap<ObjectId, ObservedObject>,
    /// The UIDs of objects that had run to their end when they went. The loop that reads them empties the map.
    pub finished: BTreeMap<ObjectId, String>,
}

impl KindView {
    /// Records the version of an event.
    pub fn advance(&mut self, version: &ResourceVersion) {
        if !version.is_older_than(&self.latest) {
            self.latest = version.clone();
        }
    }

    /// Notes a complete list, of a namespace or of the whole cluster.
    pub fn replace(&mut self, namespace: Option<&str>, objects: BTreeMap<ObjectId, ObservedObject>) {
        for object in objects.values() {
            self.advance(&object.version);
        }
        let is_listed = |id: &ObjectId| namespace.is_none() || id.namespace.as_deref() == namespace;
        let before: Vec<_> = self.objects.extract_if(.., |id, _| is_listed(id)).collect();
        self.objects.extend(objects);
        for (id, gone) in before {
            if self.objects.get(&id).is_none_or(|object| object.uid != gone.uid) {
                self.note_gone(id, gone);
            }
        }
    }

    /// The watch has delivered every list, and follows the changes.
    pub fn set_synced(&mut self) {
        self.synced = true;
        self.failing = None;
        self.away = false;
    }

    /// Notes a deletion. `object` is the object as it was last. Returns whether the object was known.
    pub fn remove(&mut self, id: &ObjectId, object: ObservedObject) -> bool {
        self.advance(&object.version);
        let known = self.objects.remove(id).is_some();
        self.note_gone(id.clone(), object);
        known
    }

    fn note_gone(&mut self, id: ObjectId, object: ObservedObject) {
        if object.is_finished {
            self.finished.insert(id, object.uid);
        }
    }
}

/// What the watches of a target show, by kind.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Each watched kind.
    pub kinds: BTreeMap<GroupKind, KindView>,
}

impl Observed {
    /// An object, if a watch shows it.
    pub fn object(&self, id: &ObjectId) -> Option<&ObservedObject> {
        self.kinds.get(&GroupKind::of(id))?.objects.get(id)
    }

    /// All observed objects, ordered by kind.
    pub fn objects(&self) -> impl Iterator<Item = (&ObjectId, &ObservedObject)> {
        self.kinds.values().flat_map(|view| &view.objects)
    }
}

/// The store that a target's watches write. Loops read it and are woken by its changes.
#[derive(Debug, Default)]
pub struct ObservedStore {
    observed: Mutex<Observed>,
    /// One channel for each subscriber: tokio wakes the receivers of one channel in an order that differs from run to run, and
    /// a simulation with the same seed must be the same. There are two subscribers at most.
    subscribers: Mutex<Vec<watch::Sender<u64>>>,
}

impl ObservedStore {
    /// Reads under the lock. `reader` must not block: writers wait for it.
    pub fn read<R>(&self, reader: impl FnOnce(&Observed) -> R) -> R {
        reader(&self.lock())
    }

    /// Writes under the lock. Subscribers are woken if `writer` returns true.
    pub fn update(&self, writer: impl FnOnce(&mut Observed) -> bool) {
        let changed = writer(&mut self.lock());
        if changed {
            self.subscribers().retain(|subscriber| {
                subscriber.send_modify(|count| *count = count.wrapping_add(1));
                !subscriber.is_closed()
            });
        }
    }

    /// Wakes at each change. The value is a counter without meaning.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        let (sender, receiver) = watch::channel(0);
        let mut subscribers = self.subscribers();
        subscribers.retain(|subscriber| !subscriber.is_closed());
        subscribers.push(sender);
        receiver
    }

    fn subscribers(&self) -> MutexGuard<'_, Vec<watch::Sender<u64>>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Observed> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
