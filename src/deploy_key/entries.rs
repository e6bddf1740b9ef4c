//! The states of a rotation, as entries of a Secret: the key in use and the next key lie side by side until the next key
//! works.
//!
//! Each step is one change of the entries, made by compare-and-swap:
//!
//! ```text
//! identity ──begin──▶ identity, identity.next ──promote──▶ identity (the next), identity.previous.pub ──finish──▶ identity
//! ```
//!
//! After `promote` only the public half of the old key is left, so that a person can be shown which key to remove.

use crate::model::SecretBytes;
use crate::port::{KeyFailure, KeyPair, SecretEntries};
use std::sync::Arc;

/// The comment of public lines, and the principal of allowed-signer lines.
pub const COMMENT: &str = "tidegate";

/// The entry of the key in use. Flux v1 uses the same name, so that its Secret can be taken over.
pub const CURRENT: &str = "identity";
const CURRENT_USER: &str = "identity.user";
const NEXT: &str = "identity.next";
const NEXT_USER: &str = "identity.next.user";
const PREVIOUS: &str = "identity.previous.pub";

/// The keys that a Secret holds.
pub struct Keys<K> {
    /// The key in use.
    pub current: Arc<K>,
    /// The key that takes over as soon as it works.
    pub next: Option<Arc<K>>,
    /// The public half of the key before, which may be removed at the forge.
    pub previous: Option<String>,
}

impl<K: KeyPair> Keys<K> {
    /// A key in use, and nothing else.
    pub fn only(key: K) -> Self {
        Self {
            current: Arc::new(key),
            next: None,
            previous: None,
        }
    }

    /// Reads the entries; `None` if there is no key in use.
    ///
    /// # Errors
    /// An entry is not a usable key.
    pub(super) fn read(entries: &SecretEntries) -> Result<Option<Self>, KeyFailure> {
        let key = |entry: &str, user: &str| {
            let user = text(entries, user).map(|user| user.trim().to_owned());
            text(entries, entry)
                .map(|text| K::parse(&text, user).map(Arc::new))
                .transpose()
        };
        let Some(current) = key(CURRENT, CURRENT_USER)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            current,
            next: key(NEXT, NEXT_USER)?,
            previous: text(entries, PREVIOUS),
        }))
    }
}

/// An entry's text; `None` if there is no such entry or it is empty.
fn text(entries: &SecretEntries, entry: &str) -> Option<String> {
    let bytes = entries.get(entry)?.expose();
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}

fn private_half(key: &impl KeyPair) -> SecretBytes {
    SecretBytes::new(key.private_text().expose())
}

/// Adds the first key, if there is none. True if the entries changed.
pub(super) fn first(entries: &mut SecretEntries, key: &impl KeyPair) -> bool {
    let is_absent = text(entries, CURRENT).is_none();
    if is_absent {
        entries.insert(CURRENT.to_owned(), private_half(key));
    }
    is_absent
}

/// Adds the next key, if there is none. True if the entries changed.
pub(super) fn begin(entries: &mut SecretEntries, next: &impl KeyPair) -> bool {
    let is_absent = text(entries, NEXT).is_none();
    if is_absent {
        entries.remove(PREVIOUS);
        entries.remove(NEXT_USER);
        entries.insert(NEXT.to_owned(), private_half(next));
    }
    is_absent
}

/// Sets the name that the next key logs in under.
pub(super) fn name_next(entries: &mut SecretEntries, user: &str) {
    entries.insert(NEXT_USER.to_owned(), SecretBytes::new(user));
}

/// Removes the next key. True if there was one.
pub(super) fn abandon(entries: &mut SecretEntries) -> bool {
    entries.remove(NEXT_USER);
    entries.remove(NEXT).is_some()
}

/// Makes the next key the key in use, if the two entries still are these two keys. True if the entries changed.
///
/// # Errors
/// An entry is not a usable key.
pub(super) fn promote<K: KeyPair>(entries: &mut SecretEntries, current: &K, next: &K) -> Result<bool, KeyFailure> {
    let Some(keys) = Keys::<K>::read(entries)? else {
        return Ok(false);
    };
    let is_next = keys.next.is_some_and(|key| key.fingerprint() == next.fingerprint());
    if !is_next || keys.current.fingerprint() != current.fingerprint() {
        return Ok(false);
    }
    if let Some(key) = entries.remove(NEXT) {
        entries.insert(CURRENT.to_owned(), key);
    }
    match entries.remove(NEXT_USER) {
        Some(user) => entries.insert(CURRENT_USER.to_owned(), user),
        None => entries.remove(CURRENT_USER),
    };
    let line = current.public_line(COMMENT);
    entries.insert(PREVIOUS.to_owned(), SecretBytes::new(line));
    Ok(true)
}

/// Removes the public half of the key before, after a person has seen it. True if there was one.
pub(super) fn finish(entries: &mut SecretEntries) -> bool {
    entries.remove(PREVIOUS).is_some()
}
