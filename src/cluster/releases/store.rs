use crate::cluster::watches::Listed;
use crate::model::ObjectId;
use crate::port::{HelmRelease, KindState, ReleaseView, SourceText};
use crate::release::{ObjectMark, ReleaseName, Revision, SeenObjects, SourceKey};
use crate::resource::GroupKind;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

/// Which list a watch delivers, with the namespace; `None`: the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum List {
    Releases(Option<String>),
    Storage(Option<String>),
}

/// A Secret of Helm, by its labels.
pub(super) type Stored = (ReleaseName, Revision);

/// What the watches have delivered.
#[derive(Default)]
pub(super) struct Seen {
    releases: BTreeMap<ObjectId, Arc<HelmRelease>>,
    stored: BTreeMap<ReleaseName, Arc<Vec<Revision>>>,
    sources: BTreeMap<SourceKey, SourceText>,
    objects: BTreeMap<ReleaseName, Arc<SeenObjects>>,
    kinds: BTreeMap<GroupKind, SeenKind>,
}

/// What the watches have delivered of the objects of a kind.
#[derive(Default)]
struct SeenKind {
    /// The lists that are not delivered yet, each of a namespace; `None`: which lists there are is unknown.
    awaited: Option<BTreeSet<Option<String>>>,
    has_failed: bool,
    /// The release of each object.
    releases: BTreeMap<ObjectId, ReleaseName>,
}

impl SeenKind {
    fn state(&self) -> KindState {
        match self.awaited.as_ref().is_some_and(BTreeSet::is_empty) {
            true => KindState::Followed,
            false if self.has_failed => KindState::Unknown,
            false => KindState::Awaited,
        }
    }
}

/// An object of a release, as a watch shows it.
pub(super) struct SeenObject {
    pub(super) id: ObjectId,
    pub(super) release: ReleaseName,
    pub(super) mark: ObjectMark,
}

/// The store that the watches write and the loop reads.
pub(super) struct Store(Listed<List, Seen>);

impl Default for Store {
    fn default() -> Self {
        Self(Listed::new(Seen::default()))
    }
}

impl Deref for Store {
    type Target = Listed<List, Seen>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Store {
    pub(super) fn view(&self) -> ReleaseView {
        self.read(|delivery, seen| ReleaseView {
            is_complete: delivery.is_complete,
            problem: delivery.problem,
            releases: seen.releases.clone(),
            stored: seen.stored.clone(),
            sources: seen.sources.clone(),
            objects: seen.objects.clone(),
            kinds: seen
                .kinds
                .iter()
                .map(|(kind, seen)| (kind.clone(), seen.state()))
                .collect(),
        })
    }

    /// The HelmReleases of a list.
    pub(super) fn set_releases(&self, list: &List, namespace: Option<&str>, found: Vec<HelmRelease>) {
        self.deliver(list, |seen| {
            let is_listed = |id: &ObjectId| namespace.is_none() || id.namespace.as_deref() == namespace;
            seen.releases.retain(|id, _| !is_listed(id));
            let found = found.into_iter().map(|release| (release.id.clone(), Arc::new(release)));
            seen.releases.extend(found);
        });
    }

    pub(super) fn put_release(&self, release: HelmRelease) {
        self.update(|seen| {
            let before = seen.releases.insert(release.id.clone(), Arc::new(release.clone()));
            before.is_none_or(|before| *before != release)
        });
    }

    pub(super) fn remove_release(&self, id: &ObjectId) {
        self.update(|seen| seen.releases.remove(id).is_some());
    }

    /// The revisions of a list.
    pub(super) fn set_stored(&self, list: &List, namespace: Option<&str>, found: Vec<Stored>) {
        self.deliver(list, |seen| {
            seen.stored
                .retain(|name, _| namespace.is_some_and(|namespace| name.namespace != namespace));
            for (name, revision) in found {
                put(&mut seen.stored, name, revision);
            }
        });
    }

    pub(super) fn put_stored(&self, (name, revision): Stored) {
        self.update(|seen| put(&mut seen.stored, name, revision));
    }

    pub(super) fn remove_stored(&self, (name, revision): &Stored) {
        self.update(|seen| {
            let Some(revisions) = seen.stored.get_mut(name) else {
                return false;
            };
            Arc::make_mut(revisions).retain(|known| known.number != revision.number);
            if revisions.is_empty() {
                seen.stored.remove(name);
            }
            true
        });
    }

    /// Notes what is known of a source.
    pub(super) fn put_source(&self, key: &SourceKey, text: SourceText) {
        self.update(|seen| seen.sources.insert(key.clone(), text.clone()).as_ref() != Some(&text));
    }

    /// The source is no longer followed.
    pub(super) fn forget_source(&self, key: &SourceKey) {
        self.update(|seen| {
            seen.sources.remove(key);
            false
        });
    }
}

impl Store {
    /// The objects of a kind are awaited.
    pub(super) fn expect_kind(&self, kind: &GroupKind) {
        self.update(|seen| {
            seen.kinds.entry(kind.clone()).or_default();
            false
        });
    }

    /// The lists of a kind, each of a namespace.
    pub(super) fn expect_objects(&self, kind: &GroupKind, lists: &[Option<String>]) {
        self.update(|seen| {
            if let Some(known) = seen.kinds.get_mut(kind) {
                known.awaited = Some(lists.iter().cloned().collect());
            }
            false
        });
    }

    /// The objects of a kind cannot be followed. What was known of them stays.
    pub(super) fn kind_failed(&self, kind: &GroupKind) {
        self.update(|seen| match seen.kinds.get_mut(kind) {
            Some(known) => {
                let before = known.state();
                known.has_failed = true;
                before != known.state()
            }
            None => false,
        });
    }

    /// A kind is no longer followed.
    pub(super) fn forget_kind(&self, kind: &GroupKind) {
        self.update(|seen| {
            let known = seen.kinds.remove(kind).unwrap_or_default();
            for (id, release) in known.releases {
                seen.remove_object(&id, &release);
            }
            false
        });
    }

    /// The objects of a kind in one list.
    pub(super) fn set_objects(&self, kind: &GroupKind, list: &Option<String>, found: Vec<SeenObject>) {
        self.update(|seen| {
            let Some(known) = seen.kinds.get_mut(kind) else {
                return false;
            };
            known.has_failed = false;
            if let Some(awaited) = &mut known.awaited {
                awaited.remove(list);
            }
            let is_listed = |id: &ObjectId| list.is_none() || id.namespace == *list;
            let mut gone: BTreeMap<_, _> = known.releases.extract_if(.., |id, _| is_listed(id)).collect();
            for object in &found {
                // An object that is as it was leaves alone what others hold of its release.
                if gone.get(&object.id) == Some(&object.release) {
                    gone.remove(&object.id);
                }
            }
            for (id, release) in gone {
                seen.remove_object(&id, &release);
            }
            for object in found {
                seen.put_object(kind, object);
            }
            true
        });
    }

    pub(super) fn put_object(&self, kind: &GroupKind, object: SeenObject) {
        self.update(|seen| seen.put_object(kind, object));
    }

    pub(super) fn remove_object(&self, kind: &GroupKind, id: &ObjectId) {
        self.update(|seen| {
            let known = seen.kinds.get_mut(kind).and_then(|known| known.releases.remove(id));
            known.is_some_and(|release| seen.remove_object(id, &release))
        });
    }
}

impl Seen {
    /// Notes an object. Returns whether something changed.
    fn put_object(&mut self, kind: &GroupKind, object: SeenObject) -> bool {
        let Some(known) = self.kinds.get_mut(kind) else {
            return false;
        };
        let before = known.releases.insert(object.id.clone(), object.release.clone());
        if let Some(before) = before.filter(|before| *before != object.release) {
            self.remove_object(&object.id, &before);
        }
        let objects = self.objects.entry(object.release).or_default();
        if objects.marks.get(&object.id) == Some(&object.mark) {
            return false;
        }
        Arc::make_mut(objects).marks.insert(object.id, object.mark);
        true
    }

    fn remove_object(&mut self, id: &ObjectId, release: &ReleaseName) -> bool {
        let Some(objects) = self.objects.get_mut(release) else {
            return false;
        };
        let was_known = Arc::make_mut(objects).marks.remove(id).is_some();
        if objects.marks.is_empty() {
            self.objects.remove(release);
        }
        was_known
    }
}

/// Notes a revision. Returns whether something changed.
fn put(stored: &mut BTreeMap<ReleaseName, Arc<Vec<Revision>>>, name: ReleaseName, revision: Revision) -> bool {
    let revisions = Arc::make_mut(stored.entry(name).or_default());
    match revisions.binary_search_by_key(&revision.number, |known| known.number) {
        Ok(at) => match revisions.get_mut(at) {
            Some(known) if *known != revision => {
                *known = revision;
                true
            }
            _ => false,
        },
        Err(at) => {
            revisions.insert(at, revision);
            true
        }
    }
}
