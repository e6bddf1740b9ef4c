//! Changing the deploy key without a gap: the present key and the next one lie side by side until the next one works.
//!
//! A Secret's entries are the state, and each step is one change of them, made by compare-and-swap:
//!
//! ```text
//! identity ──begin──▶ identity, identity.next ──promote──▶ identity (the next), identity.previous.pub ──finish──▶ identity
//! ```
//!
//! What is left of the old key after `promote` is its public half, so that somebody can be told which one to remove.

use super::identity::{DeployKey, KeyError};
use crate::model::Secret;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A Secret's entries.
pub type Entries = BTreeMap<String, Secret>;

/// The entry of the key in use, as Flux v1 named it, so that its Secret can be taken over.
pub const CURRENT: &str = "identity";
const CURRENT_USER: &str = "identity.user";
const NEXT: &str = "identity.next";
const NEXT_USER: &str = "identity.next.user";
const PREVIOUS: &str = "identity.previous.pub";

/// The keys that a Secret holds.
#[derive(Clone)]
pub struct Keys {
    /// The one that is logged in with.
    pub current: Arc<DeployKey>,
    /// The one that is to follow it as soon as it works.
    pub next: Option<Arc<DeployKey>>,
    /// The public half of the one before, which nobody needs any more.
    pub previous: Option<String>,
}

impl Keys {
    /// Reads the entries; `None` if there is no key yet.
    ///
    /// # Errors
    /// An entry that is no usable key.
    pub fn read(entries: &Entries) -> Result<Option<Self>, KeyError> {
        let text = |entry: &str| entries.get(entry).map(Secret::expose).filter(|text| !text.is_empty());
        let key = |entry: &str, user: &str| {
            let user = text(user).map(|user| user.trim().to_owned());
            text(entry)
                .map(|text| DeployKey::from_openssh(text).map(|key| Arc::new(key.with_user(user))))
                .transpose()
        };
        let Some(current) = key(CURRENT, CURRENT_USER)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            current,
            next: key(NEXT, NEXT_USER)?,
            previous: text(PREVIOUS).map(str::to_owned),
        }))
    }
}

/// Puts the first key in, if there is none. True if it was put.
pub fn first(entries: &mut Entries, key: &DeployKey) -> bool {
    let is_there = entries.get(CURRENT).is_some_and(|text| !text.expose().is_empty());
    if !is_there {
        entries.insert(CURRENT.to_owned(), key.private_text().clone());
    }
    !is_there
}

/// Puts the next key beside the present one, if there is none yet. True if it was put.
pub fn begin(entries: &mut Entries, next: &DeployKey) -> bool {
    let is_there = entries.get(NEXT).is_some_and(|text| !text.expose().is_empty());
    if !is_there {
        entries.remove(PREVIOUS);
        entries.remove(NEXT_USER);
        entries.insert(NEXT.to_owned(), next.private_text().clone());
    }
    !is_there
}

/// Notes the name that the next key logs in under.
pub fn name_next(entries: &mut Entries, user: &str) {
    entries.insert(NEXT_USER.to_owned(), Secret::new(user));
}

/// Takes the next key away again. True if there was one.
pub fn abandon(entries: &mut Entries) -> bool {
    entries.remove(NEXT_USER);
    entries.remove(NEXT).is_some()
}

/// Makes the next key the present one, if the two are these. True if it did.
///
/// # Errors
/// An entry that is no usable key.
pub fn promote(entries: &mut Entries, current: &DeployKey, next: &DeployKey) -> Result<bool, KeyError> {
    let Some(keys) = Keys::read(entries)? else {
        return Ok(false);
    };
    let is_next = keys.next.is_some_and(|key| key.fingerprint() == next.fingerprint());
    if !is_next || keys.current.fingerprint() != current.fingerprint() {
        return Ok(false);
    }
    if let Some(text) = entries.remove(NEXT) {
        entries.insert(CURRENT.to_owned(), text);
    }
    match entries.remove(NEXT_USER) {
        Some(user) => entries.insert(CURRENT_USER.to_owned(), user),
        None => entries.remove(CURRENT_USER),
    };
    entries.insert(PREVIOUS.to_owned(), Secret::new(current.public_line("tidegate")));
    Ok(true)
}

/// Forgets the key before, which somebody was told of. True if there was one.
pub fn finish(entries: &mut Entries) -> bool {
    entries.remove(PREVIOUS).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> DeployKey {
        DeployKey::generate().unwrap_or_else(|error| panic!("{error}"))
    }

    fn keys(entries: &Entries) -> Keys {
        let keys = Keys::read(entries).unwrap_or_else(|error| panic!("{error}"));
        keys.unwrap()
    }

    #[test]
    fn a_rotation_keeps_a_working_key_in_place_at_every_step() {
        let (old, new) = (key(), key());
        let mut entries = Entries::from([("known_hosts".to_owned(), Secret::new("kept"))]);
        assert!(Keys::read(&entries).is_ok_and(|keys| keys.is_none()));
        assert!(first(&mut entries, &old) && !first(&mut entries, &new));

        assert!(
            begin(&mut entries, &new) && !begin(&mut entries, &key()),
            "one at a time"
        );
        let both = keys(&entries);
        assert_eq!(both.current.fingerprint(), old.fingerprint());
        assert_eq!(both.next.unwrap().fingerprint(), new.fingerprint());

        assert!(!promote(&mut entries, &old, &key()).unwrap_or_else(|error| panic!("{error}")));
        assert!(!promote(&mut entries, &new, &new).unwrap_or_else(|error| panic!("{error}")));
        name_next(&mut entries, "APKA2");
        assert!(promote(&mut entries, &old, &new).unwrap_or_else(|error| panic!("{error}")));
        let after = keys(&entries);
        assert_eq!(after.current.fingerprint(), new.fingerprint());
        assert_eq!(after.current.user(), Some("APKA2"));
        assert!(after.next.is_none());
        assert_eq!(after.previous.as_deref(), Some(old.public_line("tidegate").as_str()));
        assert!(
            !entries
                .values()
                .any(|text| text.expose() == old.private_text().expose()),
            "the old private half is gone"
        );

        assert!(finish(&mut entries) && !finish(&mut entries));
        assert_eq!(
            entries.keys().collect::<Vec<_>>(),
            ["identity", "identity.user", "known_hosts"]
        );
    }

    #[test]
    fn a_next_key_that_is_not_wanted_is_taken_away_and_nothing_else() {
        let old = key();
        let mut entries = Entries::new();
        first(&mut entries, &old);
        begin(&mut entries, &key());
        assert!(abandon(&mut entries) && !abandon(&mut entries));
        assert_eq!(keys(&entries).current.fingerprint(), old.fingerprint());
    }
}
