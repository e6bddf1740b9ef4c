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

    /// The key of a Kustomization of Flux v2 that objects come from, by its namespace and name.
    pub fn of_kustomization(name: &str) -> Self {
        Self::hash(&format!("kustomization {name}"))
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
