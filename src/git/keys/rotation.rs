//! Replaces the deploy key without a gap: the Secret holds the current key and the next key until the next key works.
//!
//! The entries of the Secret are the state. Each step is one change of the entries, made with compare-and-swap:
//!
//! ```text
//! identity ──begin──▶ identity, identity.next ──promote──▶ identity (the next), identity.previous.pub ──finish──▶ identity
//! ```
//!
//! After `promote` the public half of the old key stays, so that the agent can say which key to remove from the server.

use crate::git::keys::deploy_key::{DeployKey, KeyError};
use crate::model::SecretBytes;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The entries of the Secret.
pub type Entries = BTreeMap<String, SecretBytes>;

/// The entry of the current key. Flux v1 used the same name, so its Secret can be taken over.
pub const CURRENT: &str = "identity";
const CURRENT_USER: &str = "identity.user";
const NEXT: &str = "identity.next";
const NEXT_USER: &str = "identity.next.user";
const PREVIOUS: &str = "identity.previous.pub";

/// The keys in the Secret.
#[derive(Clone)]
pub struct Keys {
    /// The key to log in with.
    pub current: Arc<DeployKey>,
    /// The key that replaces the current one as soon as it works.
    pub next: Option<Arc<DeployKey>>,
    /// The public half of the previous key, which is not needed any more.
    pub previous: Option<String>,
}

impl Keys {
    /// Reads the entries; `None` if there is no key yet.
    ///
    /// # Errors
    /// An entry is no usable key.
    pub fn read(entries: &Entries) -> Result<Option<Self>, KeyError> {
        let text = |entry: &str| text(entries, entry);
        let key = |entry: &str, user: &str| {
            let user = text(user).map(|user| user.trim().to_owned());
            text(entry)
                .map(|text| DeployKey::from_openssh(&text).map(|key| Arc::new(key.with_user(user))))
                .transpose()
        };
        let Some(current) = key(CURRENT, CURRENT_USER)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            current,
            next: key(NEXT, NEXT_USER)?,
            previous: text(PREVIOUS).map(Cow::into_owned),
        }))
    }
}

/// An entry as text; `None` if it is missing or empty. Bytes that are not UTF-8 are replaced, and fail to parse as a key.
fn text<'a>(entries: &'a Entries, entry: &str) -> Option<Cow<'a, str>> {
    let bytes = entries.get(entry)?.expose();
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes))
}

fn private_half(key: &DeployKey) -> SecretBytes {
    SecretBytes::new(key.private_text().expose())
}

/// Adds the first key, unless there is one. True if the key was added.
pub fn first(entries: &mut Entries, key: &DeployKey) -> bool {
    let is_there = entries.get(CURRENT).is_some_and(|bytes| !bytes.expose().is_empty());
    if !is_there {
        entries.insert(CURRENT.to_owned(), private_half(key));
    }
    !is_there
}

/// Adds the next key, unless there is one. True if the key was added.
pub fn begin(entries: &mut Entries, next: &DeployKey) -> bool {
    let is_there = entries.get(NEXT).is_some_and(|bytes| !bytes.expose().is_empty());
    if !is_there {
        entries.remove(PREVIOUS);
        entries.remove(NEXT_USER);
        entries.insert(NEXT.to_owned(), private_half(next));
    }
    !is_there
}

/// Sets the user name of the next key.
pub fn name_next(entries: &mut Entries, user: &str) {
    entries.insert(NEXT_USER.to_owned(), SecretBytes::new(user));
}

/// Removes the next key. True if there was one.
pub fn abandon(entries: &mut Entries) -> bool {
    entries.remove(NEXT_USER);
    entries.remove(NEXT).is_some()
}

/// Makes the next key the current one, if the Secret holds exactly these two keys. True if it did.
///
/// # Errors
/// An entry is no usable key.
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
    entries.insert(PREVIOUS.to_owned(), SecretBytes::new(current.public_line("tidegate")));
    Ok(true)
}

/// Removes the public half of the previous key. True if there was one.
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
        let mut entries = Entries::from([("known_hosts".to_owned(), SecretBytes::new("kept"))]);
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
            !entries.values().any(|bytes| *bytes == private_half(&old)),
            "the old private half is gone"
        );

        assert!(finish(&mut entries) && !finish(&mut entries));
        assert_eq!(
            entries.keys().collect::<Vec<_>>(),
            ["identity", "identity.user", "known_hosts"]
        );
    }

    #[test]
    fn an_abandoned_next_key_is_removed_and_nothing_else() {
        let old = key();
        let mut entries = Entries::new();
        first(&mut entries, &old);
        begin(&mut entries, &key());
        assert!(abandon(&mut entries) && !abandon(&mut entries));
        assert_eq!(keys(&entries).current.fingerprint(), old.fingerprint());
    }
}
