use crate::model::{ObjectId, SecretBytes};
use crate::release::{ReleaseName, Revision, SeenObjects, SourceKey};
use crate::resource::{GroupKind, ResourceVersion};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A HelmRelease of the target, as the cluster has it.
#[derive(Debug, Clone, PartialEq)]
pub struct HelmRelease {
    /// The object.
    pub id: ObjectId,
    /// Its UID.
    pub uid: String,
    /// Its version.
    pub version: ResourceVersion,
    /// The generation of its `spec`.
    pub generation: Option<i64>,
    /// When it was created.
    pub created: Option<Timestamp>,
    /// Whether somebody has deleted it, and it waits for the agent.
    pub is_deleted: bool,
    /// Whether the agent's finalizer is on it.
    pub has_finalizer: bool,
    /// The object as the server sent it, without `managedFields`.
    pub value: Value,
}

/// What the watches show.
#[derive(Debug, Clone, Default)]
pub struct ReleaseView {
    /// Whether the HelmReleases and Helm's storage were listed as a whole, and followed since.
    pub is_complete: bool,
    /// Why something is not followed.
    pub problem: Option<String>,
    /// The HelmReleases of the target.
    pub releases: BTreeMap<ObjectId, Arc<HelmRelease>>,
    /// The revisions in Helm's storage, ordered by number.
    pub stored: BTreeMap<ReleaseName, Arc<Vec<Revision>>>,
    /// The sources of values that the loop follows.
    pub sources: BTreeMap<SourceKey, SourceText>,
    /// The objects of releases, of the kinds that the loop follows.
    pub objects: BTreeMap<ReleaseName, Arc<SeenObjects>>,
    /// The kinds that the loop follows.
    pub kinds: BTreeMap<GroupKind, KindState>,
}

/// What is known of the objects of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KindState {
    /// The server has not listed them yet.
    Awaited,
    /// They were listed, and followed since. While a watch fails, what was known of them stays.
    Followed,
    /// They cannot be followed: the server does not serve them, or the agent has no right.
    Unknown,
}

/// What is known of a source of values.
#[derive(Clone, PartialEq, Eq)]
pub enum SourceText {
    /// The server has not answered yet.
    Unknown,
    /// There is no such object, or the object does not have the key.
    Absent,
    /// The text.
    Text(Arc<SecretBytes>),
    /// The source cannot be read, for this reason.
    Failed(String),
}

impl std::fmt::Debug for SourceText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::Absent => "absent",
            Self::Text(_) => "text",
            Self::Failed(_) => "failed",
        })
    }
}
