use super::reduce::Place;
use crate::port::{AccountFacts, PullSecretView};
use crate::spread::{NamespaceFacts, PullSecretFacts};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Which list a watch delivers, with the namespace; `None`: the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum List {
    Namespaces,
    Secrets(Option<String>),
    Accounts(Option<String>),
}

impl List {
    fn has(&self, place: &Place) -> bool {
        match self {
            Self::Namespaces => false,
            Self::Secrets(namespace) | Self::Accounts(namespace) => {
                namespace.as_ref().is_none_or(|namespace| *namespace == place.0)
            }
        }
    }
}

#[derive(Default)]
struct Seen {
    /// `Ok(true)`: complete. `Ok(false)`: not delivered yet.
    lists: BTreeMap<List, Result<bool, String>>,
    namespaces: Arc<BTreeMap<String, NamespaceFacts>>,
    secrets: Arc<BTreeMap<Place, PullSecretFacts>>,
    accounts: Arc<BTreeMap<Place, AccountFacts>>,
}

/// The store that the watches write and the loop reads.
pub(super) struct Store {
    seen: Mutex<Seen>,
    changes: watch::Sender<u64>,
}

impl Store {
    /// These namespaces are known from the beginning, without their labels.
    pub(super) fn with_namespaces(names: &[String]) -> Self {
        let known = names.iter().map(|name| (name.clone(), NamespaceFacts::default()));
        let seen = Seen {
            namespaces: Arc::new(known.collect()),
            ..Seen::default()
        };
        Self {
            seen: Mutex::new(seen),
            changes: watch::Sender::new(0),
        }
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(super) fn view(&self) -> PullSecretView {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        PullSecretView {
            is_complete: !seen.lists.is_empty() && seen.lists.values().all(|list| *list == Ok(true)),
            problem: seen.lists.values().find_map(|list| list.as_ref().err().cloned()),
            namespaces: Arc::clone(&seen.namespaces),
            secrets: Arc::clone(&seen.secrets),
            accounts: Arc::clone(&seen.accounts),
        }
    }

    fn update(&self, change: impl FnOnce(&mut Seen) -> bool) {
        let changed = change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        if changed {
            self.changes.send_modify(|count| *count = count.wrapping_add(1));
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

    pub(super) fn set_namespaces(&self, found: BTreeMap<String, NamespaceFacts>) {
        self.update(|seen| {
            seen.namespaces = Arc::new(found);
            seen.lists.insert(List::Namespaces, Ok(true));
            true
        });
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

    pub(super) fn set_secrets(&self, list: &List, found: Vec<(Place, PullSecretFacts)>) {
        self.update(|seen| {
            let secrets = Arc::make_mut(&mut seen.secrets);
            secrets.retain(|place, _| !list.has(place));
            secrets.extend(found);
            seen.lists.insert(list.clone(), Ok(true));
            true
        });
    }

    /// Notes a Secret, unless a newer version of it is known.
    pub(super) fn put_secret(&self, place: Place, facts: PullSecretFacts) {
        self.update(|seen| {
            let known = seen.secrets.get(&place);
            if known.is_some_and(|known| known.uid == facts.uid && facts.version.is_older_than(&known.version)) {
                return false;
            }
            let is_news = known.is_none_or(|known| !known.is_like(&facts));
            Arc::make_mut(&mut seen.secrets).insert(place, facts);
            is_news
        });
    }

    /// The Secret with this UID is gone, or has lost the label.
    pub(super) fn remove_secret(&self, place: &Place, uid: &str) {
        self.update(|seen| {
            if seen.secrets.get(place).is_none_or(|known| known.uid != uid) {
                return false;
            }
            Arc::make_mut(&mut seen.secrets).remove(place).is_some()
        });
    }

    pub(super) fn set_accounts(&self, list: &List, found: Vec<(Place, AccountFacts)>) {
        self.update(|seen| {
            let accounts = Arc::make_mut(&mut seen.accounts);
            accounts.retain(|place, _| !list.has(place));
            accounts.extend(found);
            seen.lists.insert(list.clone(), Ok(true));
            true
        });
    }

    pub(super) fn put_account(&self, place: Place, facts: AccountFacts) {
        self.update(|seen| {
            let known = seen.accounts.get(&place);
            if known.is_some_and(|known| facts.version.is_older_than(&known.version)) {
                return false;
            }
            Arc::make_mut(&mut seen.accounts).insert(place, facts);
            true
        });
    }

    pub(super) fn remove_account(&self, place: &Place) {
        self.update(|seen| Arc::make_mut(&mut seen.accounts).remove(place).is_some());
    }
}
