use super::applied::Applied;
use super::changed::Changed;
use super::notify::Notify;
use super::own_write::OwnWrites;
use crate::model::ObjectId;
use crate::resource::{GroupKind, ObservedObject, ResourceVersion};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

/// What the watch of one kind shows.
#[derive(Debug, Clone)]
pub struct KindView {
    /// Whether the watch has delivered a complete list and has not been interrupted since.
    pub synced: bool,
    /// Why the watch failed, after its last attempt failed.
    pub failing: Option<String>,
    /// Whether the failure is about the server and not about the kind.
    pub away: bool,
    /// The newest version that any event of this kind carried, deletions included.
    pub latest: ResourceVersion,
    /// The UIDs of objects that had run to their end when they went. The loop that reads them empties the map.
    pub finished: BTreeMap<ObjectId, String>,
    objects: BTreeMap<ObjectId, ObservedObject>,
    changed: Changed,
    life: u64,
}

impl Default for KindView {
    fn default() -> Self {
        static LIVES: AtomicU64 = AtomicU64::new(0);
        Self {
            synced: false,
            failing: None,
            away: false,
            latest: ResourceVersion::default(),
            finished: BTreeMap::new(),
            objects: BTreeMap::new(),
            changed: Changed::default(),
            life: LIVES.fetch_add(1, Ordering::Relaxed),
        }
    }
}

impl KindView {
    /// The set's objects of this kind.
    pub fn objects(&self) -> &BTreeMap<ObjectId, ObservedObject> {
        &self.objects
    }

    /// Tells this view from one of the same kind that was dropped before: another view has another number.
    pub fn life(&self) -> u64 {
        self.life
    }

    /// Records the version of an event.
    pub fn advance(&mut self, version: &ResourceVersion) {
        if !version.is_older_than(&self.latest) {
            self.latest = version.clone();
        }
    }

    /// Notes an object that was created or changed. Returns whether a loop could decide differently now, and the object as it was
    /// before.
    pub fn put(&mut self, id: &ObjectId, mut object: ObservedObject) -> (bool, Option<ObservedObject>) {
        self.advance(&object.version);
        let Some(known) = self.objects.get_mut(id) else {
            self.changed.note(id);
            self.objects.insert(id.clone(), object);
            return (true, None);
        };
        object.follows(known);
        if known.fingerprint == object.fingerprint {
            object.last_written = std::mem::take(&mut known.last_written);
        }
        let is_relevant = !known.decides_as(&object);
        if is_relevant {
            self.changed.note(id);
        }
        (is_relevant, Some(std::mem::replace(known, object)))
    }

    /// Notes a complete list, of a namespace or of the whole cluster.
    pub fn replace(&mut self, namespace: Option<&str>, mut objects: BTreeMap<ObjectId, ObservedObject>) {
        let is_listed = |id: &ObjectId| namespace.is_none() || id.namespace.as_deref() == namespace;
        for object in objects.values() {
            self.advance(&object.version);
        }
        let before: Vec<_> = self.objects.extract_if(.., |id, _| is_listed(id)).collect();
        let mut known: BTreeMap<&ObjectId, &ObservedObject> = before.iter().map(|(id, object)| (id, object)).collect();
        for (id, object) in &mut objects {
            let before = known.remove(id).inspect(|before| object.follows(before));
            if before.is_none_or(|before| !before.decides_as(object)) {
                self.changed.note(id);
            }
        }
        for id in known.into_keys() {
            self.changed.note(id);
        }
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
        if known || object.is_finished {
            self.changed.note(id);
        }
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
    own: OwnWrites,
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

    /// How many objects the watches show.
    pub fn count(&self) -> usize {
        self.kinds.values().map(|view| view.objects.len()).sum()
    }

    /// Notes an object that a watch of this kind delivered. The loop's own write, as the loop knows it, wakes no loop.
    pub fn put(&mut self, kind: &GroupKind, id: &ObjectId, object: ObservedObject) -> Notify {
        let Some(view) = self.kinds.get_mut(kind) else {
            return Notify::Nobody;
        };
        let (is_relevant, before) = view.put(id, object);
        match view.objects.get(id) {
            Some(object) if is_relevant => self.own.judge(id, before.as_ref(), object),
            _ => Notify::Nobody,
        }
    }

    /// The loop is about to write an object. Until [`wrote`](Self::wrote) or [`not_written`](Self::not_written), changes of the
    /// object wake nobody who does not wait for them.
    pub fn will_write(&mut self, id: &ObjectId) {
        self.own.begin(id);
    }

    /// The loop has written an object. Wakes the loop if the watch has shown meanwhile what others made of the object.
    pub fn wrote(&mut self, id: &ObjectId, applied: &Applied) -> Notify {
        let has_changed = self.own.end(id);
        match self.object(id) {
            Some(live) if applied.left(live) => (has_changed && !live.is_at_rest()).into(),
            Some(live) if has_changed && !live.version.is_older_than(&applied.version) => Notify::Everybody,
            _ => {
                self.own.expect(id, applied.clone());
                Notify::Nobody
            }
        }
    }

    /// The write of an object failed, or its pass was cancelled.
    pub fn not_written(&mut self, id: &ObjectId) -> Notify {
        self.own.end(id).into()
    }

    /// A pass begins, and looks at every change. A write of the pass before that got no answer is not waited for.
    pub fn forget_sent(&mut self) {
        self.own.forget_sent();
    }

    /// The objects that have changed since the last call with these marks. `None`: so many that every object has to be looked at.
    pub fn changes(&self, seen: &mut SeenChanges) -> Option<BTreeSet<ObjectId>> {
        let mut all = Some(BTreeSet::new());
        let mut marks = BTreeMap::new();
        for (kind, view) in &self.kinds {
            let known = seen.0.get(kind).filter(|(life, _)| *life == view.life);
            let since = known.map_or(0, |(_, number)| *number);
            marks.insert(kind.clone(), (view.life, view.changed.next()));
            match (view.changed.since(since), &mut all) {
                (Some(ids), Some(all)) => all.extend(ids.cloned()),
                _ => all = None,
            }
        }
        seen.0 = marks;
        all
    }
}

/// Up to which change somebody has looked at each kind.
#[derive(Debug, Clone, Default)]
pub struct SeenChanges(BTreeMap<GroupKind, (u64, u64)>);
