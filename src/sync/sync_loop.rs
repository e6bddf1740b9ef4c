use super::approval::approval;
use super::report::SyncReport;
use super::reporter::PassReporter;
use super::syncer::Syncer;
use crate::driver::{Outcome, Pass};
use crate::model::CommitId;
use crate::port::{Branch, ConfigRepo, DeclaredSource, RecordStore, TargetApi};
use std::sync::Arc;
use std::time::Duration;

/// The sync loop of one target: each pass applies the head of the branch.
pub struct SyncLoop<G, A, R> {
    /// The config repo, for the history between commits.
    pub repo: Arc<G>,
    /// What the commits declare.
    pub declared: Arc<dyn DeclaredSource>,
    /// The branch whose head is applied.
    pub branch: Branch,
    /// What makes the target equal to a commit.
    pub syncer: Syncer<A, R>,
    /// The commit whose deletions a person confirmed in the settings.
    pub confirmed: Option<CommitId>,
    /// Reports the passes.
    pub reporter: PassReporter,
}

/// How a pass ended, for callers that waited for it.
#[derive(Debug, Clone)]
pub enum SyncEnd {
    /// The pass ran.
    Ran(Arc<SyncReport>),
    /// The pass could not run, for this reason.
    Failed(String),
}

impl<G: ConfigRepo, A: TargetApi, R: RecordStore> SyncLoop<G, A, R> {
    /// Applies the head. `None` while there is no commit that may be applied.
    async fn carry_out(&mut self) -> Result<Option<SyncReport>, String> {
        let Some(head) = self.branch.head() else {
            return Ok(None);
        };
        let declared = self.declared.at(head).await.map_err(|failure| failure.message)?;
        let last = self
            .syncer
            .last_applied()
            .await
            .map_err(|failure| failure.to_string())?;
        let mut approval = approval(&*self.repo, self.confirmed, last, head, self.syncer.has_waited())
            .await
            .map_err(|failure| failure.message)?;
        let state = declared
            .target(self.syncer.target())
            .ok_or("the target has no paths in the config repo")?;
        approval.history_broken |= !self.note_previous(last, head).await;
        self.syncer.note_state(state);
        Ok(Some(self.syncer.pass(state, approval).await))
    }

    /// Has the syncer know what the commit applied before declares. False if that commit cannot be read.
    async fn note_previous(&mut self, last: Option<CommitId>, head: CommitId) -> bool {
        let Some(last) = last.filter(|last| *last != head && !self.syncer.knows(*last)) else {
            return true;
        };
        match self.declared.at(last).await {
            Ok(declared) => {
                if let Some(state) = declared.target(self.syncer.target()) {
                    self.syncer.note_state(state);
                }
                true
            }
            Err(failure) => {
                tracing::debug!(commit = %last, error = %failure, "the commit applied before was not read");
                false
            }
        }
    }

    fn ran(&mut self, report: SyncReport) -> Outcome<SyncEnd> {
        self.reporter.ran(&report);
        let (next, is_well) = (report.next_try, report.outage.is_none() && report.failed.is_empty());
        let end = SyncEnd::Ran(Arc::new(report));
        match (next, is_well) {
            (_, false) => Outcome::Retry(end),
            (Some(next), true) => Outcome::Again(end, next),
            (None, true) => Outcome::Done(end),
        }
    }
}

impl<G: ConfigRepo, A: TargetApi, R: RecordStore> Pass for SyncLoop<G, A, R> {
    type Report = SyncEnd;

    async fn pass(&mut self) -> Outcome<SyncEnd> {
        match self.carry_out().await {
            Ok(Some(report)) => self.ran(report),
            Ok(None) => {
                let reason = match self.branch.unverified() {
                    Some(problem) => format!("no commit of the branch may be applied: {problem}"),
                    None => "the config repo has not been fetched yet".to_owned(),
                };
                self.reporter.has_no_commit(&reason);
                Outcome::Done(SyncEnd::Failed(reason))
            }
            Err(reason) => {
                self.reporter.failed(&reason);
                Outcome::Retry(SyncEnd::Failed(reason))
            }
        }
    }

    fn is_partial(end: &SyncEnd) -> bool {
        matches!(end, SyncEnd::Ran(report) if report.is_partial())
    }

    fn timed_out(&self, deadline: Duration) -> SyncEnd {
        SyncEnd::Failed(format!("the pass did not end within {} s", deadline.as_secs()))
    }
}
