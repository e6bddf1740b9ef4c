use super::mirror_object::{MirrorKind, ObjectPlace};
use super::namespace_rule::NamespaceRule;
use crate::model::{TargetId, Wildcard};
use std::collections::{BTreeMap, BTreeSet};

/// A rule: copies of some objects stand in these namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorRule {
    /// The sources.
    pub from: MirrorSource,
    /// The clusters of the copies.
    pub targets: BTreeSet<TargetId>,
    /// The namespaces of the copies.
    pub to: NamespaceRule,
    /// The name of the copies; `None`: the source's.
    pub name: Option<String>,
    /// The entries that are copied, each with its key in the copy. Empty: all entries under their keys.
    pub keys: BTreeMap<String, String>,
    /// The labels of the source that the copies have, too.
    pub labels: BTreeSet<String>,
    /// Whether the copies that kubed made of the same source become the agent's.
    pub adopts: bool,
    /// What becomes of the copies when the source is deleted; `None`: they go in the agent's own cluster, and stay elsewhere.
    pub deletion: Option<DeletionPolicy>,
}

/// What a rule copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MirrorSource {
    /// One object.
    Object(ObjectPlace),
    /// The objects of these kinds that ask for copies by annotation, in the namespaces with these names.
    Annotated(BTreeSet<MirrorKind>, Vec<Wildcard>),
}

/// What becomes of copies whose source is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// They are deleted.
    Delete,
    /// They stay as they are.
    Retain,
}

impl MirrorRule {
    /// The kinds of the copies.
    pub fn kinds(&self) -> BTreeSet<MirrorKind> {
        match &self.from {
            MirrorSource::Object(place) => [place.kind].into(),
            MirrorSource::Annotated(kinds, _) => kinds.clone(),
        }
    }

    /// Whether this object may be a source of the rule.
    pub(super) fn covers(&self, source: &ObjectPlace) -> bool {
        match &self.from {
            MirrorSource::Object(place) => place == source,
            MirrorSource::Annotated(kinds, namespaces) => {
                kinds.contains(&source.kind) && namespaces.iter().any(|pattern| pattern.matches(&source.namespace))
            }
        }
    }

    /// What becomes of the copies in a cluster when the source is deleted.
    pub(super) fn deletion(&self, is_home: bool) -> DeletionPolicy {
        self.deletion.unwrap_or(match is_home {
            true => DeletionPolicy::Delete,
            false => DeletionPolicy::Retain,
        })
    }
}
