use super::following::{News, follow};
use crate::cluster::connection::Connection;
use futures::Stream;
use kube::runtime::watcher::{Error, Event};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// What the watches of some lists have delivered. The watches write, and one loop reads. `L` names a list, `S` is what is kept.
pub(in crate::cluster) struct Listed<L, S> {
    inner: Mutex<Inner<L, S>>,
    changes: watch::Sender<u64>,
}

struct Inner<L, S> {
    /// `Ok(true)`: complete. `Ok(false)`: not delivered yet. `Err`: cannot be followed, for this reason.
    lists: BTreeMap<L, Result<bool, String>>,
    seen: S,
}

/// How far the lists are delivered.
pub(in crate::cluster) struct Delivery {
    /// Whether every list is complete.
    pub(in crate::cluster) is_complete: bool,
    /// Why a list cannot be followed, if so.
    pub(in crate::cluster) problem: Option<String>,
}

impl<L: Ord + Clone, S> Listed<L, S> {
    /// No list is awaited yet.
    pub(in crate::cluster) fn new(seen: S) -> Self {
        Self {
            inner: Mutex::new(Inner {
                lists: BTreeMap::new(),
                seen,
            }),
            changes: watch::Sender::new(0),
        }
    }

    /// Changes at each delivery that is news.
    pub(in crate::cluster) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(in crate::cluster) fn read<T>(&self, read: impl FnOnce(Delivery, &S) -> T) -> T {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let delivery = Delivery {
            is_complete: !inner.lists.is_empty() && inner.lists.values().all(|list| *list == Ok(true)),
            problem: inner.lists.values().find_map(|list| list.as_ref().err().cloned()),
        };
        read(delivery, &inner.seen)
    }

    /// As [`Listed::read`], with the state of each list.
    pub(in crate::cluster) fn read_lists<T>(
        &self,
        read: impl FnOnce(&BTreeMap<L, Result<bool, String>>, &S) -> T,
    ) -> T {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        read(&inner.lists, &inner.seen)
    }

    /// `change` returns whether it is news.
    pub(in crate::cluster) fn update(&self, change: impl FnOnce(&mut S) -> bool) {
        self.change(|inner| change(&mut inner.seen));
    }

    /// A list is complete, with what `change` puts in.
    pub(in crate::cluster) fn deliver(&self, list: &L, change: impl FnOnce(&mut S)) {
        self.change(|inner| {
            change(&mut inner.seen);
            inner.lists.insert(list.clone(), Ok(true));
            true
        });
    }

    /// A list is awaited.
    pub(in crate::cluster) fn expect(&self, list: &L) {
        self.change(|inner| inner.lists.insert(list.clone(), Ok(false)).is_none());
    }

    /// Follows a list until the task is aborted. `begin` makes its watches, and `take` writes what they deliver.
    pub(in crate::cluster) async fn follow<K, W: Stream<Item = Result<Event<K>, Error>>>(
        &self,
        connection: &Connection,
        list: &L,
        begin: impl Fn() -> W,
        mut take: impl FnMut(Event<K>),
    ) {
        self.expect(list);
        let note = |news| match news {
            News::Event(event) => take(event),
            News::Expired => self.expired(list),
            News::Failed(reason) => self.failed(list, reason),
        };
        follow(connection.url(), begin, note).await;
    }

    /// What was delivered of a list is unknown until the next list. Nothing failed, so that nobody is woken.
    fn expired(&self, list: &L) {
        self.change(|inner| {
            if let Some(state @ Ok(true)) = inner.lists.get_mut(list) {
                *state = Ok(false);
            }
            false
        });
    }

    fn failed(&self, list: &L, reason: String) {
        self.change(|inner| {
            let state = Err(reason);
            inner.lists.insert(list.clone(), state.clone()) != Some(state)
        });
    }

    fn change(&self, change: impl FnOnce(&mut Inner<L, S>) -> bool) {
        let is_news = change(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner));
        if is_news {
            self.changes.send_modify(|count| *count = count.wrapping_add(1));
        }
    }
}
