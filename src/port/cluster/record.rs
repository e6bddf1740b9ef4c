use super::failure::ClusterFailure;
use crate::model::{CommitId, ObjectId};
use crate::resource::{GroupKind, Members, Run, SetName, Waited};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

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
}

/// Where a target's record is kept.
pub trait RecordStore: Send + Sync + 'static {
    /// The record's namespace and name. The set's id derives from both.
    fn set(&self) -> &SetName;

    /// Reads the record, if there is one.
    fn read(&self) -> impl Future<Output = Result<Option<Record>, ClusterFailure>> + Send;

    /// Writes the record, and creates it if needed. [`ClusterFailure::Conflict`] if somebody else has written it since this store
    /// read or wrote it last: what another process recorded must not be lost.
    fn write(&self, record: &Record) -> impl Future<Output = Result<(), ClusterFailure>> + Send;
}
