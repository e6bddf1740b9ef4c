use crate::cluster::watches::Listed;
use crate::port::SourceView;
use crate::spread::{MirrorFacts, MirrorKind, ObjectPlace};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

/// Which list a watch delivers. A namespace of `None` is the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum List {
    /// An object that a rule names.
    Named(ObjectPlace),
    /// The objects that ask for copies.
    Asking(MirrorKind, Option<String>),
}

type Objects = Arc<BTreeMap<ObjectPlace, MirrorFacts>>;

#[derive(Default)]
pub(super) struct Seen {
    /// An object may be both.
    named: Objects,
    asking: Objects,
}

/// The store that the watches of sources write and the loops read.
pub(super) struct Store(Listed<List, Seen>);

impl Deref for Store {
    type Target = Listed<List, Seen>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl List {
    fn has(&self, place: &ObjectPlace) -> bool {
        match self {
            Self::Named(named) => named == place,
            Self::Asking(kind, namespace) => {
                *kind == place.kind && namespace.as_ref().is_none_or(|namespace| *namespace == place.namespace)
            }
        }
    }

    fn objects<'a>(&self, seen: &'a mut Seen) -> &'a mut Objects {
        match self {
            Self::Named(_) => &mut seen.named,
            Self::Asking(..) => &mut seen.asking,
        }
    }

    /// Whether an object that the watch shows belongs to the list. Most objects ask for nothing.
    pub(super) fn wants(&self, facts: &MirrorFacts) -> bool {
        matches!(self, Self::Named(_)) || facts.ask.is_some()
    }
}

impl Store {
    pub(super) fn new() -> Self {
        Self(Listed::new(Seen::default()))
    }

    pub(super) fn view(&self) -> SourceView {
        self.read_lists(|lists, seen| {
            let sources = match (seen.named.is_empty(), seen.asking.is_empty()) {
                (_, true) => Arc::clone(&seen.named),
                (true, _) => Arc::clone(&seen.asking),
                (false, false) => {
                    let mut all = BTreeMap::clone(&seen.asking);
                    all.extend(seen.named.iter().map(|(place, facts)| (place.clone(), facts.clone())));
                    Arc::new(all)
                }
            };
            let failed = lists
                .iter()
                .filter_map(|(list, state)| Some((list, state.as_ref().err()?)));
            let (mut problem, mut unread) = (None, BTreeMap::new());
            for (list, reason) in failed {
                match list {
                    List::Named(place) => drop(unread.insert(place.clone(), reason.clone())),
                    List::Asking(..) => problem = Some(reason.clone()),
                }
            }
            SourceView {
                // One source that cannot be read stops no other.
                is_complete: problem.is_none() && lists.values().all(|list| *list != Ok(false)),
                problem,
                sources,
                unread,
            }
        })
    }

    pub(super) fn set_objects(&self, list: &List, found: Vec<(ObjectPlace, MirrorFacts)>) {
        self.deliver(list, |seen| {
            let objects = Arc::make_mut(list.objects(seen));
            objects.retain(|place, _| !list.has(place));
            objects.extend(found);
        });
    }

    pub(super) fn put(&self, list: &List, place: ObjectPlace, facts: MirrorFacts) {
        self.update(|seen| {
            let objects = list.objects(seen);
            let known = objects.get(&place);
            if !list.wants(&facts) {
                return known.is_some() && Arc::make_mut(objects).remove(&place).is_some();
            }
            let is_news = known.is_none_or(|known| !known.is_like(&facts));
            Arc::make_mut(objects).insert(place, facts);
            is_news
        });
    }

    pub(super) fn remove(&self, list: &List, place: &ObjectPlace) {
        self.update(|seen| Arc::make_mut(list.objects(seen)).remove(place).is_some());
    }
}
