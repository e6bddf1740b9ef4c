use crate::model::ObjectId;
use crate::port::{HelmRelease, ReleaseView, SourceText};
use crate::release::{ReleaseName, Revision, SourceKey};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

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
struct Seen {
    /// `Ok(true)`: complete. `Ok(false)`: not delivered yet.
    lists: BTreeMap<List, Result<bool, String>>,
    releases: BTreeMap<ObjectId, Arc<HelmRelease>>,
    stored: BTreeMap<ReleaseName, Arc<Vec<Revision>>>,
    sources: BTreeMap<SourceKey, SourceText>,
}

/// The store that the watches write and the loop reads.
pub(super) struct Store {
    seen: Mutex<Seen>,
    changes: watch::Sender<u64>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            seen: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }
}

impl Store {
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn update(&self, change: impl FnOnce(&mut Seen) -> bool) {
        let changed = change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        if changed {
            self.changes.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    pub(super) fn view(&self) -> ReleaseView {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        ReleaseView {
            is_complete: !seen.lists.is_empty() && seen.lists.values().all(|list| *list == Ok(true)),
            problem: seen.lists.values().find_map(|list| list.as_ref().err().cloned()),
            releases: seen.releases.clone(),
            stored: seen.stored.clone(),
            sources: seen.sources.clone(),
        }
    }

    /// A list is awaited.
    pub(super) fn expect(&self, list: &List) {
        self.update(|seen| seen.lists.insert(list.clone(), Ok(false)).is_none());
    }

    /// What was delivered of a list is unknown until the next list. Nothing failed, so that nobody is woken.
    pub(super) fn expired(&self, list: &List) {
        self.update(|seen| {
            if let Some(state @ Ok(true)) = seen.lists.get_mut(list) {
                *state = Ok(false);
            }
            false
        });
    }

    /// A list cannot be followed, for this reason.
    pub(super) fn failed(&self, list: &List, reason: String) {
        self.update(|seen| {
            let state = Err(reason);
            seen.lists.insert(list.clone(), state.clone()) != Some(state)
        });
    }

    /// The HelmReleases of a list.
    pub(super) fn set_releases(&self, list: &List, namespace: Option<&str>, found: Vec<HelmRelease>) {
        self.update(|seen| {
            let is_listed = |id: &ObjectId| namespace.is_none() || id.namespace.as_deref() == namespace;
            seen.releases.retain(|id, _| !is_listed(id));
            let found = found.into_iter().map(|release| (release.id.clone(), Arc::new(release)));
            seen.releases.extend(found);
            seen.lists.insert(list.clone(), Ok(true));
            true
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
        self.update(|seen| {
            seen.stored
                .retain(|name, _| namespace.is_some_and(|namespace| name.namespace != namespace));
            for (name, revision) in found {
                put(&mut seen.stored, name, revision);
            }
            seen.lists.insert(list.clone(), Ok(true));
            true
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
