use super::mirror_ask::{self, MirrorAsk};
use super::mirror_mark::{self, MIRROR_LABEL, MirrorMark};
use super::mirror_object::{EntryHash, LiveObject, ObjectPlace};
use crate::resource::{PART_OF_LABEL, ResourceVersion};
use std::collections::BTreeMap;

/// What a watch keeps of a source or a copy. No value is among it.
#[derive(Clone, PartialEq, Eq)]
pub struct MirrorFacts {
    /// The UID.
    pub uid: String,
    /// The version that these facts are of.
    pub version: ResourceVersion,
    /// The labels, without the agent's own.
    pub labels: BTreeMap<String, String>,
    /// The type of a Secret.
    pub type_name: Option<String>,
    /// What stands for the entries.
    pub entries: BTreeMap<String, EntryHash>,
    /// Whether the server refuses changes of the entries.
    pub is_immutable: bool,
    /// Whether somebody else decides when the object goes.
    pub is_owned: bool,
    /// Whether the object is being deleted.
    pub is_ending: bool,
    /// Whether the config repo declares the object.
    pub is_declared: bool,
    /// The agent's own mark: the agent made the object.
    pub mark: Option<MirrorMark>,
    /// Whether the object says that it is a copy, whoever made it.
    pub says_copy: bool,
    /// The source, as namespace and name, if kubed made the object.
    pub kubed_source: Option<(String, String)>,
    /// The copies that the object asks for.
    pub ask: Option<Result<MirrorAsk, String>>,
}

impl MirrorFacts {
    /// Reads an object. `set` is what the agent's marks name in the object's cluster.
    pub fn read(set: &str, place: &ObjectPlace, live: &LiveObject) -> Self {
        let mut labels = live.labels.clone();
        labels.remove(MIRROR_LABEL);
        Self {
            uid: live.uid.clone(),
            version: live.version.clone(),
            type_name: live.content.type_name.clone(),
            entries: live.content.hashes(),
            is_immutable: live.is_immutable,
            is_owned: live.is_owned,
            is_ending: live.is_ending,
            is_declared: live.labels.contains_key(PART_OF_LABEL),
            mark: mirror_mark::proved(set, place, &live.labels, &live.annotations),
            says_copy: mirror_mark::says_copy(&live.labels, &live.annotations),
            kubed_source: mirror_mark::kubed_source(&live.labels, &live.annotations),
            ask: mirror_ask::ask(&live.annotations),
            labels,
        }
    }

    /// Whether the agent has the same to do, whatever else has changed.
    pub fn is_like(&self, other: &Self) -> bool {
        let other = Self {
            version: self.version.clone(),
            ..other.clone()
        };
        *self == other
    }

    /// Whether kubed made the object as a copy of this source.
    pub fn is_kubed_copy_of(&self, source: &ObjectPlace) -> bool {
        let made_of = self.kubed_source.as_ref();
        made_of.is_some_and(|(namespace, name)| *namespace == source.namespace && *name == source.name)
    }
}
