use super::failure::ClusterFailure;
use crate::model::{CommitId, ObjectId};
use crate::resource::{AppliedMarks, CommitHealth, GroupKind, LastReady, MemberKey, Members, Run, SetName, Waited};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

/// What a target's record (its ApplySet parent) holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// The last commit that was applied completely.
    pub commit: Option<CommitId>,
    /// The kinds that members of the set may have.
    pub kinds: BTreeSet<GroupKind>,
    /// Who made the objects of the set. `None`: the record does not say, as after a loss or an upgrade, and the history of
    /// labelled objects is unknown.
    pub members: Option<Members>,
    /// The runs of declared objects that run to an end, so that what has run does not run again.
    pub runs: BTreeMap<ObjectId, Run>,
    /// The deletions that waited for a person. A confirmation counts for these objects.
    pub waited: Waited,
    /// One line for people about the last pass.
    pub status: String,
    /// What failed or waits, one line each. The edge bounds the total length.
    pub problems: Vec<String>,
    /// How far the last pass's commit has come.
    pub health: Option<CommitHealth>,
    /// Which manifest of each workload was ready last, while decisions rest on it.
    pub ready: Arc<BTreeMap<MemberKey, LastReady>>,
}

/// In how many parts the marks of a large set are kept: a change of one object writes a small part of them.
pub const MARK_PARTS: usize = 16;

/// Where a target's record is kept.
pub trait RecordStore: Send + Sync + 'static {
    /// The record's namespace and name. The set's id derives from both.
    fn set(&self) -> &SetName;

    /// Reads the record, if there is one.
    fn read(&self) -> impl Future<Output = Result<Option<Record>, ClusterFailure>> + Send;

    /// Reads the record, and returns it unless it is as this store read or wrote it last. A record that is gone is an empty one.
    fn read_if_changed(&self) -> impl Future<Output = Result<Option<Record>, ClusterFailure>> + Send {
        async { Ok(Some(self.read().await?.unwrap_or_default())) }
    }

    /// Writes the record, and creates it if needed. [`ClusterFailure::Conflict`] if somebody else has written it since this store
    /// read or wrote it last: what another process recorded must not be lost.
    fn write(&self, record: &Record) -> impl Future<Output = Result<(), ClusterFailure>> + Send;

    /// Reads what the agent knew of its applies. Nothing where nothing is kept.
    fn read_marks(&self) -> impl Future<Output = Result<AppliedMarks, ClusterFailure>> + Send;

    /// Keeps one part of `parts` of what the agent knows of its applies. What another process wrote there is lost: marks that are
    /// lost cost applies, and marks of any process are true.
    fn write_marks(
        &self,
        part: usize,
        parts: usize,
        marks: &AppliedMarks,
    ) -> impl Future<Output = Result<(), ClusterFailure>> + Send;
}
