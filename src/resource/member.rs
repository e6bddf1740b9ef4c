use super::observed::ObservedObject;
use crate::model::ObjectId;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;

/// Stands for one object in a record: 8 bytes of a hash. 10,000 keys take 110 kB of the 1 MiB that a ConfigMap may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberKey([u8; 8]);

impl MemberKey {
    /// The key of one life of an object. An object that is deleted and created again has another UID.
    pub fn of_uid(uid: &str) -> Self {
        Self::hash(&format!("uid {uid}"))
    }

    /// The key of an identity, whatever its UID.
    pub fn of_identity(id: &ObjectId) -> Self {
        let namespace = id.namespace.as_deref().unwrap_or_default();
        Self::hash(&format!("id {}/{}/{namespace}/{}", id.group, id.kind, id.name))
    }

    /// The key of a set of lives.
    pub fn of_set(objects: &MemberKeys) -> Self {
        Self::hash(&format!("all {}", encode_keys(objects)))
    }

    /// Reads the key as it is printed: 16 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(hex::decode(text).ok()?.try_into().ok()?))
    }

    /// The key as it is stored.
    pub fn bytes(self) -> [u8; 8] {
        self.0
    }

    /// The key that was stored.
    pub fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// One of `parts` parts of all keys, which have about as many keys each.
    pub fn part(self, parts: usize) -> usize {
        usize::from(self.0[0]) * parts / 256
    }

    fn hash(text: &str) -> Self {
        let digest = Sha256::digest(text);
        let mut key = [0; 8];
        for (to, from) in key.iter_mut().zip(digest) {
            *to = from;
        }
        Self(key)
    }
}

impl fmt::Display for MemberKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A set of keys.
pub type MemberKeys = BTreeSet<MemberKey>;

/// What the record knows about who made the objects that carry the set's label. The label and the field manager prove
/// nothing: a backup restores both into a copy, and everybody who may patch can write both.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Members {
    /// The UIDs of the objects that the agent applied.
    pub applied: MemberKeys,
    /// The UIDs of the applied objects whose last manifest said `tidegate.dev/prune: "enabled"`. The live annotation is no
    /// proof: everybody who may patch can write it, under the agent's field manager, too.
    pub enabled: MemberKeys,
    /// The identities that the agent is about to create. A process that ends between the apply and the next record leaves
    /// these objects without a recorded UID.
    pub claimed: MemberKeys,
    /// The UIDs of objects that looked like members when there was no record: a person confirms their deletion.
    pub unknown: MemberKeys,
}

/// Who applied a labelled object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorship {
    /// The agent, by its record.
    Recorded,
    /// Perhaps the agent: the object was there when the record was not.
    Unknown,
    /// Somebody else.
    Foreign,
}

impl Members {
    /// Who applied this object.
    pub fn authorship(&self, id: &ObjectId, live: &ObservedObject) -> Authorship {
        let uid = MemberKey::of_uid(&live.uid);
        if self.applied.contains(&uid) {
            return Authorship::Recorded;
        }
        if !looks_applied(live) {
            return Authorship::Foreign;
        }
        match (
            self.claimed.contains(&MemberKey::of_identity(id)),
            self.unknown.contains(&uid),
        ) {
            (true, _) => Authorship::Recorded,
            (false, true) => Authorship::Unknown,
            (false, false) => Authorship::Foreign,
        }
    }

    /// Whether the object's manifest, and nobody else, asked to prune the object whatever its kind. Without a record the
    /// object's own annotation has to do: a person confirms each of these deletions.
    pub(super) fn was_enabled(&self, live: &ObservedObject, authorship: Authorship) -> bool {
        authorship == Authorship::Unknown || self.enabled.contains(&MemberKey::of_uid(&live.uid))
    }
}

/// Whether the agent's entry in `managedFields` is one that the agent wrote to this very object, and not to an original
/// that a backup restored.
pub fn looks_applied(live: &ObservedObject) -> bool {
    live.fingerprint.is_some() && !live.is_copy
}

/// The keys as the record stores them.
pub fn encode_keys(keys: &MemberKeys) -> String {
    let bytes: Vec<u8> = keys.iter().flat_map(|key| key.0).collect();
    BASE64_STANDARD_NO_PAD.encode(bytes)
}

/// Reads stored keys. `None` if somebody edited the text.
pub fn decode_keys(text: &str) -> Option<MemberKeys> {
    let bytes = BASE64_STANDARD_NO_PAD.decode(text.trim()).ok()?;
    let (keys, rest) = bytes.as_chunks::<8>();
    rest.is_empty().then(|| keys.iter().copied().map(MemberKey).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_the_record_and_an_edited_text_is_not_taken_for_an_empty_set() {
        let keys: MemberKeys = ["a", "b"].map(MemberKey::of_uid).into();
        assert_eq!(decode_keys(&encode_keys(&keys)), Some(keys));
        assert_eq!(decode_keys(""), Some(MemberKeys::new()));
        assert_eq!(decode_keys("AAAA"), None);
        assert_eq!(decode_keys("!"), None);
    }

    #[test]
    fn an_identity_is_no_uid_and_differs_by_namespace() {
        let id = |namespace| ObjectId::new("v1", "ConfigMap", Some(namespace), "a");
        assert_ne!(MemberKey::of_identity(&id("shop")), MemberKey::of_identity(&id("copy")));
        assert_ne!(
            MemberKey::of_identity(&id("shop")),
            MemberKey::of_uid("id /ConfigMap/shop/a")
        );
    }
}
