use super::report::{AppliedObject, Change, SyncReport};
use crate::driver::{Condition, Wake};
use crate::model::{CommitId, ObjectId, TargetId};
use crate::notice::{ObjectChange, Reporter, SyncEvent, Topic};
use crate::port::DeniedObjects;
use crate::resource::CommitHealth;
use crate::telemetry::{HealthState, Metrics, ObjectState};
use std::collections::BTreeSet;

/// Reports the passes of one target: what happened to the sinks, the number of objects to the metrics, and whether the
/// target is ready to its health condition.
pub struct PassReporter {
    target: TargetId,
    condition: Condition,
    reporter: Reporter,
    metrics: Metrics,
    denied: DeniedObjects,
    decide_again: Wake,
    /// The commit and its state after the pass before, and what was last reported about it.
    judged: Option<(CommitId, CommitHealth)>,
    reported: Option<SyncEvent>,
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
            denied: DeniedObjects::default(),
            decide_again: Wake::new(|| {}),
            judged: None,
            reported: None,
        }
    }

    /// Notes the objects that the agent may not apply here, and wakes the loop that bumps images when they change. `is_awaited`:
    /// nothing is bumped before a pass has ended.
    #[must_use = "the returned value notes the objects"]
    pub fn noting_denied(mut self, denied: DeniedObjects, decide_again: Wake, is_awaited: bool) -> Self {
        if is_awaited {
            denied.expect(&self.target);
        }
        (self.denied, self.decide_again) = (denied, decide_again);
        self
    }

    fn note_denied(&self, denied: Option<BTreeSet<ObjectId>>) {
        if self.denied.note(&self.target, denied) {
            self.decide_again.wake();
        }
    }

    /// Reports a pass that ran.
    pub(super) fn ran(&mut self, report: &SyncReport) {
        match &report.outage {
            Some(outage) => self.condition.unmet(outage.clone()),
            None => self.condition.met(),
        }
        self.note_denied(report.denied());
        self.present(Topic::Passes(self.target.clone()), None);
        self.applied(report);
        for id in report.pruned.iter().cloned() {
            self.happened(SyncEvent::ObjectPruned { id });
        }
        for failed in &report.failed {
            self.happened(SyncEvent::ObjectRefused {
                id: failed.id.clone(),
                message: failed.message.clone(),
            });
        }
        if let Some(missed) = report.missed.filter(|missed| *missed > 0) {
            self.happened(SyncEvent::AuditMissed { objects: missed });
        }
        if let Some(id) = report.disagreed.clone() {
            self.happened(SyncEvent::AuditDisagreed { id });
        }
        self.metrics.looks(&self.target, report.looks);
        let failed = report.failed.len();
        self.metrics.objects(&self.target, ObjectState::Failed, failed);
        let applied = report.declared.saturating_sub(failed);
        self.metrics.objects(&self.target, ObjectState::Applied, applied);
        let outage = report.outage.clone();
        let away = outage.map(|message| SyncEvent::TargetAway { message });
        self.present(Topic::Target(self.target.clone()), away);
        let problems = report.target_problems().into_iter();
        let waiting = report.waiting.as_ref().map(|waiting| &waiting.remedy);
        let conditions = problems.map(|message| match waiting == Some(&message) {
            true => SyncEvent::DeletionsWait { message },
            false => SyncEvent::Problem { message },
        });
        self.present(Topic::Problems(self.target.clone()), conditions);
        let unsettled = report.unsettled.iter().map(|object| SyncEvent::ObjectUnsettled {
            id: object.id.clone(),
            path: object.path.clone(),
            message: object.message.clone(),
        });
        self.present(Topic::Unsettled(self.target.clone()), unsettled);
        // Objects that wait for others are applied in a moment.
        let is_done = report.awaiting.is_empty() || !report.problems().is_empty();
        if report.outage.is_none() && is_done {
            let commit = SyncEvent::CommitApplied {
                commit: report.commit,
                objects: report.declared,
                changed: report.applied.len() - report.count(Change::Unchanged),
                pruned: report.pruned.len(),
                requests: report.requests,
                problems: (!report.is_in_sync()).then(|| report.problems()),
            };
            self.present(Topic::Commit(self.target.clone()), [commit]);
        }
        self.judged(report);
    }

    /// Reports once for each commit that the commit is healthy or has degraded, and again only when the other of the two comes.
    fn judged(&mut self, report: &SyncReport) {
        let Some(health) = report.health else { return };
        let state = match health {
            CommitHealth::Partial => HealthState::Partial,
            CommitHealth::Applied => HealthState::Applied,
            CommitHealth::Healthy => HealthState::Healthy,
            CommitHealth::Degraded => HealthState::Degraded,
        };
        self.metrics.target_health(&self.target, state);
        let before = self.judged.replace((report.commit, health));
        let is_same_commit = before.is_some_and(|(commit, _)| commit == report.commit);
        match health {
            CommitHealth::Healthy | CommitHealth::Degraded => {
                let took_time = is_same_commit && before.is_some_and(|(_, before)| before != health);
                let late = report.unsettled.iter().filter(|object| !object.is_terminating);
                self.reported = Some(SyncEvent::CommitJudged {
                    commit: report.commit,
                    is_healthy: health == CommitHealth::Healthy,
                    took_time,
                    faults: late.map(ToString::to_string).collect(),
                });
            }
            CommitHealth::Partial | CommitHealth::Applied if is_same_commit => {}
            CommitHealth::Partial | CommitHealth::Applied => self.reported = None,
        }
        self.present(Topic::Health(self.target.clone()), self.reported.clone());
    }

    fn applied(&self, report: &SyncReport) {
        for object in &report.applied {
            self.happened(applied(object));
        }
        if !report.not_ready_in_time.is_empty() {
            self.happened(SyncEvent::NotReadyInTime {
                objects: report.not_ready_in_time.clone(),
            });
        }
        let adopted = report.applied.iter().filter(|object| object.change == Change::Adopted);
        let adopted: Vec<_> = adopted
            .map(|object| (object.id.clone(), object.by.clone().unwrap_or_default()))
            .collect();
        if !adopted.is_empty() {
            self.happened(SyncEvent::ObjectsAdopted { objects: adopted });
        }
    }

    /// There is no commit to apply yet. The loop that fetches the branch reports why.
    pub(super) fn has_no_commit(&self, reason: &str) {
        self.condition.unmet(reason);
    }

    /// Reports a pass that could not run.
    pub(super) fn failed(&self, reason: &str) {
        self.note_denied(None);
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
            Change::Adopted => ObjectChange::Adopted,
            Change::Unchanged => ObjectChange::Unchanged,
            Change::Repaired => ObjectChange::Repaired,
            Change::Recreated => ObjectChange::Recreated,
        },
        by: object.by.clone(),
        removed: object.removed.clone(),
    }
}
