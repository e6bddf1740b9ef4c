use super::automation::AutomationEvent;
use super::event::Event;
use super::key::{Access, KeyEvent};
use super::repo::RepoEvent;
use super::reporter::{Notice, Phase, Sink};
use super::sync::{ObjectChange, SyncEvent};
use crate::telemetry::{ApplyOutcome, Metrics, Right};

/// Counts what is counted one event at a time.
#[derive(Debug)]
pub struct MetricSink(Metrics);

impl MetricSink {
    /// Counts into these series.
    pub fn new(metrics: Metrics) -> Self {
        Self(metrics)
    }

    fn sync(&self, event: &SyncEvent) {
        match event {
            SyncEvent::ObjectApplied { change, .. } => {
                self.0.apply_request(ApplyOutcome::Ok);
                if *change == ObjectChange::Repaired {
                    self.0.drift_repaired();
                }
            }
            SyncEvent::ObjectPruned { .. } => self.0.pruned(1),
            SyncEvent::ObjectRefused { .. } => self.0.apply_request(ApplyOutcome::Refused),
            SyncEvent::CommitApplied {
                commit, problems: None, ..
            } => self.0.last_applied(&commit.to_string()),
            SyncEvent::Problem { .. } | SyncEvent::TargetAway { .. } | SyncEvent::CommitApplied { .. } => {}
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
            (Event::Sync(_, event), _) => self.sync(event),
            (Event::Key(KeyEvent::AccessFound { access, .. }), _) => self.access(access),
            (Event::Repo(_) | Event::Automation(_) | Event::Key(_), _) => {}
        }
    }
}
