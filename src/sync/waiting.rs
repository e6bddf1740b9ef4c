use super::plan_inputs::Approval;
use super::report::WaitingDeletions;
use super::syncer::Syncer;
use crate::model::CommitPrefix;
use crate::port::{ClusterFailure, RecordStore, TargetApi, TargetState};

impl<A: TargetApi, R: RecordStore> Syncer<A, R> {
    /// Whether deletions waited for a person, by the record as it was last read or written.
    pub fn has_waited(&self) -> bool {
        let commits = self.record.as_ref().map(|record| &record.waited.commits);
        commits.is_some_and(|commits| !commits.is_empty())
    }

    /// Whether these deletions waited already at the commit that is named.
    pub fn waited_at(&self, named: &CommitPrefix, waiting: &WaitingDeletions) -> bool {
        let waited = self.record.as_ref().map(|record| &record.waited);
        waited.is_some_and(|waited| {
            let mut commits = waited.commits.iter().map(|(commit, _)| *commit);
            let found = commits.find(|commit| named.names(*commit));
            let set = found.and_then(|commit| waited.at(commit));
            set.is_some_and(|set| waiting.uids.is_subset(set))
        })
    }

    /// The deletions that would wait for a person.
    ///
    /// # Errors
    /// The API server is away.
    pub async fn waiting(
        &mut self,
        declared: &TargetState,
        approval: Approval,
    ) -> Result<Option<WaitingDeletions>, ClusterFailure> {
        Ok(self.plan_only(declared, approval).await?.waiting)
    }
}
