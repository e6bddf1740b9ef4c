use crate::model::{CommitId, ObjectId};
use crate::resource::{Fingerprint, GroupKind, KindVersion, ObservedObject, ResourceVersion, ServedKind, SetName};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Why a request to the API server failed. The message is for people: the server's own words where it answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterFailure {
    /// The server read the request and refused this object: invalid, immutable, denied by a webhook, too large.
    #[error("{message}")]
    Refused {
        /// The server's words.
        message: String,
    },
    /// Somebody changed or replaced the object meanwhile; look again.
    #[error("{message}")]
    Conflict {
        /// The server's words.
        message: String,
    },
    /// Our account may not do this.
    #[error("{message}")]
    Denied {
        /// The server's words.
        message: String,
    },
    /// The server serves no such kind.
    #[error("{message}")]
    UnknownKind {
        /// What it serves instead, where it does.
        message: String,
    },
    /// The server cannot be reached, is overloaded or did not answer in time: nothing can be said of the object.
    #[error("{message}")]
    Unavailable {
        /// What was tried and what happened.
        message: String,
    },
}

impl ClusterFailure {
    /// Whether it says something about the server and nothing about the object.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// What an apply left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The object's UID.
    pub uid: String,
    /// Its version after the apply.
    pub version: ResourceVersion,
    /// Its generation, where its kind has one.
    pub generation: Option<i64>,
    /// Our ownership fingerprint after the apply.
    pub fingerprint: Option<Fingerprint>,
    /// Whether the apply created it.
    pub created: bool,
}

/// Whether an apply is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Carried out.
    Write,
    /// The server says what would come of it and keeps nothing.
    DryRun,
}

/// What came of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// Accepted: gone, or going once its finalizers let it.
    Accepted,
    /// There was nothing to delete.
    Absent,
}

/// What the server serves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kinds {
    /// The kinds that were asked for, as far as they are served.
    pub served: BTreeMap<KindVersion, ServedKind>,
    /// For each group and kind, the version that the server prefers.
    pub preferred: BTreeMap<GroupKind, ServedKind>,
    /// Groups whose own server does not answer: what they serve is not known now.
    pub unanswered: BTreeSet<String>,
}

/// Whether a cached answer will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Yes.
    Cached,
    /// Ask the server again if a wanted kind is not in the cached answer.
    AskIfUnknown,
}

/// What the target's record (the ApplySet parent) says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// The last commit that was applied as a whole.
    pub commit: Option<CommitId>,
    /// The kinds that members of the set may have.
    pub kinds: BTreeSet<GroupKind>,
    /// One line for people about the last pass.
    pub status: String,
    /// What failed or waits, one line each, bounded by the edge.
    pub problems: Vec<String>,
}

/// A Kubernetes event about the target, shown by `kubectl describe` on its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// Whether somebody should look.
    pub warning: bool,
    /// One word in upper camel case (`Applied`).
    pub reason: &'static str,
    /// For people; cut at 1,024 bytes.
    pub message: String,
}

/// Where objects are applied and seen.
pub trait Cluster: Send + Sync + 'static {
    /// Whose record this target has, and in which namespace the agent lives.
    fn set(&self) -> &SetName;

    /// The namespace of namespaced objects that name none.
    fn default_namespace(&self) -> &str;

    /// How the server serves these kinds.
    fn kinds(
        &self,
        wanted: &BTreeSet<KindVersion>,
        freshness: Freshness,
    ) -> impl Future<Output = Result<Kinds, ClusterFailure>> + Send;

    /// Server-side apply of one object, one request, forced; within a deadline. The body is sent as it is.
    fn apply(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
        body: &Value,
        mode: Mode,
    ) -> impl Future<Output = Result<Applied, ClusterFailure>> + Send;

    /// Deletes one object in the background, if it still is the one that was seen: same UID, same version.
    fn delete(
        &self,
        kind: &ServedKind,
        id: &ObjectId,
        seen: &ObservedObject,
    ) -> impl Future<Output = Result<Deletion, ClusterFailure>> + Send;

    /// Sees to it that the set's objects of these kinds are watched; returns at once. What the watches see is in
    /// [`Cluster::observed`].
    fn watch(&self, kinds: &BTreeSet<GroupKind>, served: &Kinds);

    /// What the watches see.
    fn observed(&self) -> &ObservedStore;

    /// The target's record, if there is one.
    fn read_record(&self) -> impl Future<Output = Result<Option<Record>, ClusterFailure>> + Send;

    /// Writes the target's record, making it if needed.
    fn write_record(&self, record: &Record) -> impl Future<Output = Result<(), ClusterFailure>> + Send;

    /// Tells an event.
    fn emit(&self, happening: &Happening) -> impl Future<Output = Result<(), ClusterFailure>> + Send;

    /// Requests sent until now; opening watches apart.
    fn requests(&self) -> u64;
}

/// What is seen of one kind.
#[derive(Debug, Clone, Default)]
pub struct KindView {
    /// Whether a complete reading has been had and the watch has been kept since.
    pub synced: bool,
    /// Why not, in words, after the last attempt failed.
    pub failing: Option<String>,
    /// Whether that says something about the server and nothing about the kind.
    pub away: bool,
    /// The youngest version that any event of this kind carried, deletions too.
    pub latest: ResourceVersion,
    /// The set's objects of this kind.
    pub objects: BTreeMap<ObjectId, ObservedObject>,
}

impl KindView {
    /// Notes that an event of this version has been seen.
    pub fn advance(&mut self, version: &ResourceVersion) {
        if !version.is_older_than(&self.latest) {
            self.latest = version.clone();
        }
    }
}

/// What is seen of the set, by kind.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Each watched kind.
    pub kinds: BTreeMap<GroupKind, KindView>,
}

impl Observed {
    /// An object, if it is seen.
    pub fn object(&self, id: &ObjectId) -> Option<&ObservedObject> {
        self.kinds.get(&GroupKind::of(id))?.objects.get(id)
    }

    /// All objects seen, ordered by kind.
    pub fn objects(&self) -> impl Iterator<Item = (&ObjectId, &ObservedObject)> {
        self.kinds.values().flat_map(|view| &view.objects)
    }
}

/// The shared store between the watches, which write it, and the loops, which read it and are woken by it.
#[derive(Debug)]
pub struct ObservedStore {
    observed: Mutex<Observed>,
    changes: watch::Sender<u64>,
}

impl Default for ObservedStore {
    fn default() -> Self {
        Self {
            observed: Mutex::default(),
            changes: watch::channel(0).0,
        }
    }
}

impl ObservedStore {
    /// Reads, holding writers off; do nothing slow within.
    pub fn read<R>(&self, reader: impl FnOnce(&Observed) -> R) -> R {
        reader(&self.lock())
    }

    /// Changes what is seen; `writer` says whether anybody needs to know.
    pub fn update(&self, writer: impl FnOnce(&mut Observed) -> bool) {
        let changed = writer(&mut self.lock());
        if changed {
            self.changes.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    /// Wakes at each change that matters. Carries a counter, no data.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Observed> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
