use super::consent::consent;
use crate::catalog::Catalog;
use crate::driver::{Condition, Outcome, Pass};
use crate::follow::Tip;
use crate::model::{CommitId, TargetId};
use crate::port::{Cluster, ClusterFailure, ConfigRepo, Happening};
use crate::resource::DeletionLimit;
use crate::sync::{Change, SyncReport, Syncer};
use crate::telemetry::{ApplyOutcome, Metrics, ObjectState};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// The sync loop's work: one pass applies the tip.
pub(super) struct SyncLoop<G, C> {
    pub(super) repo: Arc<G>,
    pub(super) catalog: Arc<Mutex<Catalog>>,
    pub(super) tip: Tip,
    pub(super) cluster: Arc<C>,
    pub(super) syncer: Syncer<C>,
    pub(super) confirmed: Option<CommitId>,
    pub(super) condition: Condition,
    pub(super) metrics: Metrics,
    pub(super) told: Told,
}

/// What has been said already.
#[derive(Default)]
pub(super) struct Told {
    problems: BTreeSet<String>,
    away: bool,
    commit: Option<(CommitId, bool)>,
}

/// What those who waited for a pass are told.
#[derive(Debug, Clone)]
pub(super) enum SyncEnd {
    /// It ran.
    Ran(Arc<SyncReport>),
    /// It could not.
    Failed(String),
}

impl<G: ConfigRepo, C: Cluster> SyncLoop<G, C> {
    pub(super) fn syncer(cluster: &Arc<C>, limit: DeletionLimit) -> Syncer<C> {
        Syncer::new(Arc::clone(cluster), limit)
    }

    async fn carry_out(&mut self) -> Result<Option<SyncReport>, String> {
        let Some(tip) = self.tip.known() else { return Ok(None) };
        let declared = self
            .catalog
            .lock()
            .await
            .read(&*self.repo, tip)
            .await
            .map_err(|failure| failure.message)?;
        let last = self
            .syncer
            .last_applied()
            .await
            .map_err(|failure| failure.to_string())?;
        let consent = consent(&*self.repo, self.confirmed, last, tip)
            .await
            .map_err(|failure| failure.message)?;
        let target = declared
            .target(&TargetId::here())
            .ok_or("the target has no paths in the config repo")?;
        Ok(Some(self.syncer.pass(target, consent).await))
    }

    /// Logs and counts what changed, and problems that are new.
    fn tell(&mut self, report: &SyncReport) {
        for object in &report.applied {
            let by = object.by.as_deref();
            match object.change {
                Change::Created => tracing::info!(object = %object.id, path = %object.path, "created"),
                Change::Configured => tracing::info!(object = %object.id, path = %object.path, "configured"),
                Change::Repaired => {
                    self.metrics.drift_repaired();
                    tracing::info!(object = %object.id, path = %object.path, by, "drift repaired");
                }
                Change::Unchanged => tracing::debug!(object = %object.id, "unchanged"),
            }
            self.metrics.apply_request(ApplyOutcome::Ok);
        }
        for id in &report.pruned {
            tracing::info!(object = %id, "pruned");
        }
        self.metrics.pruned(report.pruned.len());
        for _ in &report.failed {
            self.metrics.apply_request(ApplyOutcome::Refused);
        }
        self.metrics.objects(ObjectState::Failed, report.failed.len());
        self.metrics.objects(
            ObjectState::Applied,
            report.declared.saturating_sub(report.failed.len()),
        );
        let problems: BTreeSet<String> = report.problems().into_iter().collect();
        for problem in problems.difference(&self.told.problems) {
            if self.told.away && report.outage.as_ref() == Some(problem) {
                tracing::debug!(%problem, "sync: the API server is still away");
            } else {
                tracing::warn!(%problem, "sync");
            }
        }
        self.told.problems = problems;
        if std::mem::replace(&mut self.told.away, report.outage.is_some()) && !self.told.away {
            tracing::info!("the API server answers again");
        }
    }

    /// Events for what people would look for with kubectl: commits applied, and problems that are new.
    async fn announce(&mut self, report: &SyncReport) {
        let whole = report.is_in_sync();
        if report.outage.is_some() || self.told.commit == Some((report.commit, whole)) {
            return;
        }
        self.told.commit = Some((report.commit, whole));
        let did = format!(
            "{} objects, {} changed, {} pruned",
            report.declared,
            report.applied.len() - report.count(Change::Unchanged),
            report.pruned.len()
        );
        let event = if whole {
            self.metrics.last_applied(&report.commit.to_string());
            tracing::info!(commit = %report.commit, objects = report.declared, requests = report.requests, "applied");
            Happening {
                warning: false,
                reason: "Applied",
                message: format!("applied commit {}: {did}", report.commit),
            }
        } else {
            let problems = report.problems();
            Happening {
                warning: true,
                reason: "AppliedInPart",
                message: format!(
                    "commit {}: {did}, {} problems: {}",
                    report.commit,
                    problems.len(),
                    problems.join("; ")
                ),
            }
        };
        if let Err(error) = self.cluster.emit(&event).await {
            event_lost(&error);
        }
    }
}

/// An outage is told by the sync loop, once.
pub(super) fn event_lost(error: &ClusterFailure) {
    if error.is_outage() {
        tracing::debug!(%error, "event not written");
    } else {
        tracing::warn!(%error, "event not written");
    }
}

impl<G: ConfigRepo, C: Cluster> Pass for SyncLoop<G, C> {
    type Report = SyncEnd;

    async fn pass(&mut self) -> Outcome<SyncEnd> {
        match self.carry_out().await {
            Ok(None) => {
                let reason = match self.tip.withheld() {
                    Some(problem) => format!("nothing of the branch may be applied: {problem}"),
                    None => "the config repo has not been fetched yet".to_owned(),
                };
                self.condition.unmet(reason.clone());
                Outcome::Done(SyncEnd::Failed(reason))
            }
            Err(reason) => {
                self.condition.unmet(reason.clone());
                if self.told.problems.insert(reason.clone()) {
                    tracing::warn!(problem = %reason, "sync");
                }
                Outcome::Retry(SyncEnd::Failed(reason))
            }
            Ok(Some(report)) => {
                self.tell(&report);
                match &report.outage {
                    Some(outage) => self.condition.unmet(outage.clone()),
                    None => self.condition.met(),
                }
                self.announce(&report).await;
                let (next, well) = (report.next_try, report.outage.is_none() && report.failed.is_empty());
                let end = SyncEnd::Ran(Arc::new(report));
                match (next, well) {
                    (_, false) => Outcome::Retry(end),
                    (Some(next), true) => Outcome::Again(end, next),
                    (None, true) => Outcome::Done(end),
                }
            }
        }
    }

    fn timed_out(&self, deadline: Duration) -> SyncEnd {
        SyncEnd::Failed(format!("the pass did not end within {} s", deadline.as_secs()))
    }
}
