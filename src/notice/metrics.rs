use super::automation::AutomationEvent;
use super::event::Event;
use super::key::{Access, KeyEvent};
use super::release::ReleaseEvent;
use super::repo::RepoEvent;
use super::reporter::{Notice, Phase, Sink};
use super::sync::{ObjectChange, SyncEvent};
use crate::model::TargetId;
use crate::telemetry::{ApplyOutcome, Metrics, Right};

/// Counts what is counted one event at a time.
#[derive(Debug)]
pub struct MetricSink(Metrics);

impl MetricSink {
    /// Counts into these series.
    pub fn new(metrics: Metrics) -> Self {
        Self(metrics)
    }

    fn sync(&self, target: &TargetId, event: &SyncEvent) {
        match event {
            SyncEvent::ObjectApplied { change, .. } => {
                self.0.apply_requests(target, ApplyOutcome::Ok, 1);
                if *change == ObjectChange::Repaired {
                    self.0.drift_repaired(target, 1);
                }
            }
            SyncEvent::ObjectPruned { .. } => self.0.pruned(target, 1),
            SyncEvent::ObjectRefused { .. } => self.0.apply_requests(target, ApplyOutcome::Refused, 1),
            SyncEvent::CommitApplied {
                commit, problems: None, ..
            } => self.0.last_applied(target, &commit.to_string()),
            SyncEvent::AuditMissed { objects } => self.0.audit_misses(target, *objects),
            SyncEvent::AuditDisagreed { .. } => self.0.audit_disagreed(target, 1),
            SyncEvent::NotReadyInTime { .. }
            | SyncEvent::ObjectsAdopted { .. }
            | SyncEvent::ObjectUnsettled { .. }
            | SyncEvent::Problem { .. }
            | SyncEvent::DeletionsWait { .. }
            | SyncEvent::TargetAway { .. }
            | SyncEvent::CommitJudged { .. }
            | SyncEvent::CommitApplied { .. } => {}
        }
    }

    fn access(&self, access: &Access) {
        let may_read = !matches!(access, Access::Nothing { .. });
        self.0.repo_access(Right::Read, may_read);
        self.0.repo_access(Right::Write, *access == Access::ReadAndWrite);
    }
}

impl Sink for MetricSink {
    fn receive(&self, Notice { event, phase }: Notice<'_>) {
        match (event, phase) {
            (Event::Repo(RepoEvent::HeadNotVerified { .. }), phase) => self.0.tip_withheld(phase != Phase::Over),
            (_, Phase::Over) => {}
            (Event::Automation(AutomationEvent::CommitLanded { bumps, .. }), _) => self.0.bumped(bumps.len()),
            (Event::Automation(AutomationEvent::TakenBack { reverts, .. }), _) => self.0.taken_back(reverts.len()),
            (Event::Sync(target, event), _) => self.sync(target, event),
            (Event::Release(target, ReleaseEvent::Happened { action, problem, .. }), _) => {
                self.0.release_action(target, action.as_str(), problem.is_none());
            }
            (Event::Release(target, ReleaseEvent::Repaired { .. }), _) => self.0.drift_repaired(target, 1),
            (Event::Key(KeyEvent::AccessFound { access, .. }), _) => self.access(access),
            (
                Event::Repo(_)
                | Event::Scan(_)
                | Event::Automation(_)
                | Event::Proposal(_)
                | Event::Release(..)
                | Event::Mirror(..)
                | Event::PullSecret(..)
                | Event::Key(_),
                _,
            ) => {}
        }
    }
}
