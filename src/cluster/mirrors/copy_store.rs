use crate::cluster::watches::Listed;
use crate::port::CopyView;
use crate::spread::{MirrorFacts, MirrorKind, NamespaceFacts, ObjectPlace};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

/// Which list a watch delivers. A namespace of `None` is the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum List {
    Namespaces,
    /// The objects with the agent's label.
    Copies(MirrorKind, Option<String>),
}

#[derive(Default)]
pub(super) struct Seen {
    namespaces: Arc<BTreeMap<String, NamespaceFacts>>,
    copies: Arc<BTreeMap<ObjectPlace, MirrorFacts>>,
}

/// The store that the watches of copies write and the loop reads.
pub(super) struct Store(Listed<List, Seen>);

impl Deref for Store {
    type Target = Listed<List, Seen>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Store {
    /// These namespaces are known from the beginning, without their labels.
    pub(super) fn with_namespaces(names: &[String]) -> Self {
        let known = names.iter().map(|name| (name.clone(), NamespaceFacts::default()));
        Self(Listed::new(Seen {
            namespaces: Arc::new(known.collect()),
            ..Seen::default()
        }))
    }

    pub(super) fn view(&self) -> CopyView {
        self.read(|delivery, seen| CopyView {
            is_complete: delivery.is_complete,
            problem: delivery.problem,
            namespaces: Arc::clone(&seen.namespaces),
            copies: Arc::clone(&seen.copies),
        })
    }

    pub(super) fn set_namespaces(&self, found: BTreeMap<String, NamespaceFacts>) {
        self.deliver(&List::Namespaces, |seen| seen.namespaces = Arc::new(found));
    }

    pub(super) fn put_namespace(&self, name: String, facts: NamespaceFacts) {
        self.update(|seen| {
            if seen.namespaces.get(&name) == Some(&facts) {
                return false;
            }
            Arc::make_mut(&mut seen.namespaces).insert(name, facts);
            true
        });
    }

    pub(super) fn remove_namespace(&self, name: &str) {
        self.update(|seen| Arc::make_mut(&mut seen.namespaces).remove(name).is_some());
    }

    /// What a list has delivered, with its kind and its namespace.
    pub(super) fn set_copies(
        &self,
        (kind, namespace): (MirrorKind, Option<String>),
        found: Vec<(ObjectPlace, MirrorFacts)>,
    ) {
        let list = List::Copies(kind, namespace.clone());
        self.deliver(&list, |seen| {
            let copies = Arc::make_mut(&mut seen.copies);
            let is_elsewhere = |place: &ObjectPlace| namespace.as_ref().is_some_and(|name| *name != place.namespace);
            copies.retain(|place, _| place.kind != kind || is_elsewhere(place));
            copies.extend(found);
        });
    }

    /// Notes a copy, unless a newer version of the copy is known.
    pub(super) fn put(&self, place: ObjectPlace, facts: MirrorFacts) {
        self.update(|seen| {
            let known = seen.copies.get(&place);
            if known.is_some_and(|known| known.uid == facts.uid && facts.version.is_older_than(&known.version)) {
                return false;
            }
            let is_news = known.is_none_or(|known| !known.is_like(&facts));
            Arc::make_mut(&mut seen.copies).insert(place, facts);
            is_news
        });
    }

    /// The copy with this UID is gone, or has lost the label.
    pub(super) fn remove(&self, place: &ObjectPlace, uid: &str) {
        self.update(|seen| {
            let is_known = seen.copies.get(place).is_some_and(|known| known.uid == uid);
            is_known && Arc::make_mut(&mut seen.copies).remove(place).is_some()
        });
    }
}
