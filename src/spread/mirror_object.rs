use crate::model::Secret;
use crate::resource::ResourceVersion;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt;

/// The kinds that are mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MirrorKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

impl MirrorKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ConfigMap, Self::Secret];

    /// As `kind` says it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }
}

/// An object that is a source or a copy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectPlace {
    /// The kind.
    pub kind: MirrorKind,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl fmt::Display for ObjectPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind.name(), self.namespace, self.name)
    }
}

/// Which field of an object holds an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryField {
    /// `data`.
    Data,
    /// `binaryData` of a ConfigMap.
    BinaryData,
}

impl EntryField {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Data, Self::BinaryData];

    /// As the object spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::BinaryData => "binaryData",
        }
    }
}

/// An entry as the API server writes it: base64 for bytes. Copies take the text over, so that every byte stays.
#[derive(Clone)]
pub struct MirrorEntry {
    /// Where the entry stands.
    pub field: EntryField,
    /// The value as the API server writes it.
    pub value: Secret,
}

/// What is copied of an object.
#[derive(Clone, Default)]
pub struct MirrorContent {
    /// The type of a Secret.
    pub type_name: Option<String>,
    /// The entries, by their keys.
    pub entries: BTreeMap<String, MirrorEntry>,
}

/// Stands for the bytes of an entry. It has no Debug form, because the bytes of a short entry could be guessed from it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EntryHash([u8; 32]);

impl MirrorContent {
    /// What the entries are compared by.
    pub fn hashes(&self) -> BTreeMap<String, EntryHash> {
        let hash = |entry: &MirrorEntry| {
            let mut hash = Sha256::new();
            hash.update(entry.field.name());
            hash.update([0]);
            hash.update(entry.value.expose());
            EntryHash(hash.finalize().into())
        };
        let entries = self.entries.iter();
        entries.map(|(key, entry)| (key.clone(), hash(entry))).collect()
    }

    /// What a rule copies: all entries, or the chosen ones under their new keys.
    #[must_use]
    pub fn chosen(&self, keys: &BTreeMap<String, String>) -> Self {
        Self {
            type_name: chosen_type(self.type_name.as_deref(), keys),
            entries: chosen(&self.entries, keys),
        }
    }
}

/// All entries, or the chosen ones under their new keys.
pub(super) fn chosen<T: Clone>(entries: &BTreeMap<String, T>, keys: &BTreeMap<String, String>) -> BTreeMap<String, T> {
    if keys.is_empty() {
        return entries.clone();
    }
    let chosen = keys
        .iter()
        .filter_map(|(from, to)| Some((to.clone(), entries.get(from)?.clone())));
    chosen.collect()
}

/// The entries that a Secret of a type has to have: the API server refuses one without them.
const NEEDED_ENTRIES: [(&str, &[&str]); 4] = [
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
    ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"]),
    ("kubernetes.io/dockercfg", &[".dockercfg"]),
    ("kubernetes.io/ssh-auth", &["ssh-privatekey"]),
];

/// The type of a copy: the source's, or `Opaque` where the chosen entries are not those that the type asks for.
pub(super) fn chosen_type(type_name: Option<&str>, keys: &BTreeMap<String, String>) -> Option<String> {
    let type_name = type_name?;
    let needed = NEEDED_ENTRIES.iter().find(|(known, _)| *known == type_name);
    let has = |entry: &&str| keys.values().any(|key| key == entry);
    let fits = keys.is_empty() || needed.is_none_or(|(_, entries)| entries.iter().all(has));
    Some(if fits { type_name } else { "Opaque" }.to_owned())
}

/// A Secret or a ConfigMap as it is in the cluster.
pub struct LiveObject {
    /// The UID.
    pub uid: String,
    /// The version that a write must find.
    pub version: ResourceVersion,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The annotations.
    pub annotations: BTreeMap<String, String>,
    /// Whether the server refuses changes of the entries.
    pub is_immutable: bool,
    /// Whether the object has an owner or a finalizer: somebody else decides when it goes.
    pub is_owned: bool,
    /// Whether the object is being deleted.
    pub is_ending: bool,
    /// What is copied of it.
    pub content: MirrorContent,
}
