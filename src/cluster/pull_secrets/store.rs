use super::reduce::Place;
use crate::cluster::watches::Listed;
use crate::port::{AccountFacts, PullSecretView};
use crate::spread::{NamespaceFacts, PullSecretFacts};
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

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
pub(super) struct Seen {
    namespaces: Arc<BTreeMap<String, NamespaceFacts>>,
    secrets: Arc<BTreeMap<Place, PullSecretFacts>>,
    accounts: Arc<BTreeMap<Place, AccountFacts>>,
}

/// The store that the watches write and the loop reads.
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
        let seen = Seen {
            namespaces: Arc::new(known.collect()),
            ..Seen::default()
        };
        Self(Listed::new(seen))
    }

    pub(super) fn view(&self) -> PullSecretView {
        self.read(|delivery, seen| PullSecretView {
            is_complete: delivery.is_complete,
            problem: delivery.problem,
            namespaces: Arc::clone(&seen.namespaces),
            secrets: Arc::clone(&seen.secrets),
            accounts: Arc::clone(&seen.accounts),
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

    pub(super) fn set_secrets(&self, list: &List, found: Vec<(Place, PullSecretFacts)>) {
        self.deliver(list, |seen| {
            let secrets = Arc::make_mut(&mut seen.secrets);
            secrets.retain(|place, _| !list.has(place));
            secrets.extend(found);
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
        self.deliver(list, |seen| {
            let accounts = Arc::make_mut(&mut seen.accounts);
            accounts.retain(|place, _| !list.has(place));
            accounts.extend(found);
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
