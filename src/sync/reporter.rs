use super::report::{AppliedObject, Change, SyncReport};
use crate::driver::Condition;
use crate::model::TargetId;
use crate::notice::{ObjectChange, Reporter, SyncEvent, Topic};
use crate::telemetry::{Metrics, ObjectState};

/// Reports the passes of one target: what happened to the sinks, the number of objects to the metrics, and whether the
/// target is ready to its health condition.
pub struct PassReporter {
    target: TargetId,
    condition: Condition,
    reporter: Reporter,
    metrics: Metrics,
}

impl PassReporter {
    /// Starts the target's counters at zero.
    pub fn new(target: TargetId, condition: Condition, reporter: Reporter, metrics: Metrics) -> Self {
        metrics.add_target(&target);
        Self {
            target,
            condition,
            reporter,
            metrics,
        }
    }

    /// Reports a pass that ran.
    pub(super) fn ran(&self, report: &SyncReport) {
        match &report.outage {
            Some(outage) => self.condition.unmet(outage.clone()),
            None => self.condition.met(),
        }
        self.present(Topic::Passes(self.target.clone()), None);
        for object in &report.applied {
            self.happened(applied(object));
        }
        if !report.not_ready_in_time.is_empty() {
            self.happened(SyncEvent::NotReadyInTime {
                objects: report.not_ready_in_time.clone(),
            });
        }
        for id in report.pruned.iter().cloned() {
            self.happened(SyncEvent::ObjectPruned { id });
        }
        for failed in &report.failed {
            self.happened(SyncEvent::ObjectRefused {
                id: failed.id.clone(),
                message: failed.message.clone(),
            });
        }
        let failed = report.failed.len();
        self.metrics.objects(&self.target, ObjectState::Failed, failed);
        let applied = report.declared.saturating_sub(failed);
        self.metrics.objects(&self.target, ObjectState::Applied, applied);
        let problems = report.problems();
        let outage = report.outage.clone();
        let away = outage.map(|message| SyncEvent::TargetAway { message });
        self.present(Topic::Target(self.target.clone()), away);
        let conditions = problems
            .iter()
            .filter(|problem| report.outage.as_ref() != Some(problem))
            .map(|message| SyncEvent::Problem {
                message: message.clone(),
            });
        self.present(Topic::Problems(self.target.clone()), conditions);
        if report.outage.is_none() {
            let commit = SyncEvent::CommitApplied {
                commit: report.commit,
                objects: report.declared,
                changed: report.applied.len() - report.count(Change::Unchanged),
                pruned: report.pruned.len(),
                requests: report.requests,
                problems: (!report.is_in_sync()).then_some(problems),
            };
            self.present(Topic::Commit(self.target.clone()), [commit]);
        }
    }

    /// There is no commit to apply yet. The loop that fetches the branch reports why.
    pub(super) fn has_no_commit(&self, reason: &str) {
        self.condition.unmet(reason);
    }

    /// Reports a pass that could not run.
    pub(super) fn failed(&self, reason: &str) {
        self.condition.unmet(reason);
        let problem = SyncEvent::Problem {
            message: reason.to_owned(),
        };
        self.present(Topic::Passes(self.target.clone()), [problem]);
    }

    fn happened(&self, event: SyncEvent) {
        self.reporter.happened((self.target.clone(), event));
    }

    fn present(&self, topic: Topic, events: impl IntoIterator<Item = SyncEvent>) {
        let events = events.into_iter().map(|event| (self.target.clone(), event));
        self.reporter.present(topic, events);
    }
}

fn applied(object: &AppliedObject) -> SyncEvent {
    SyncEvent::ObjectApplied {
        id: object.id.clone(),
        path: object.path.clone(),
        change: match object.change {
            Change::Created => ObjectChange::Created,
            Change::Configured => ObjectChange::Configured,
            Change::Unchanged => ObjectChange::Unchanged,
            Change::Repaired => ObjectChange::Repaired,
        },
        by: object.by.clone(),
    }
}
