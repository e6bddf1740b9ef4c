use super::mirror_facts::MirrorFacts;
use super::mirror_object::ObjectPlace;
use super::mirror_rule::MirrorRule;
use super::namespace_rule::NamespaceFacts;
use crate::model::TargetId;
use std::collections::{BTreeMap, BTreeSet};

/// What is compared: the sources, and one cluster of copies.
#[derive(Clone, Copy)]
pub struct MirrorWorld<'a> {
    /// The cluster of the copies.
    pub target: &'a TargetId,
    /// Whether it is the agent's own cluster, which has the sources.
    pub is_home: bool,
    /// The rules that reach this cluster.
    pub rules: &'a [MirrorRule],
    /// The clusters that any rule for annotated sources reaches.
    pub all_targets: &'a BTreeSet<TargetId>,
    /// The namespaces of the copies' cluster.
    pub namespaces: &'a BTreeMap<String, NamespaceFacts>,
    /// The objects that the rules name, and those that ask for copies.
    pub sources: &'a BTreeMap<ObjectPlace, MirrorFacts>,
    /// The sources that cannot be read, each with the reason.
    pub unread: &'a BTreeMap<ObjectPlace, String>,
    /// What a reading said of sources that are not among `sources`.
    pub looked_up: &'a BTreeMap<ObjectPlace, Lookup>,
    /// All objects with the agent's label.
    pub copies: &'a BTreeMap<ObjectPlace, MirrorFacts>,
}

/// What a reading said of a source that the watches do not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// The source is gone.
    Gone,
    /// The source is there and asks for no copy.
    AsksNothing,
    /// The source is there: a watch will show it.
    Asks,
}
