use super::count;
use crate::model::TargetId;
use crate::telemetry::labels::{
    ApplyLabel, ApplyOutcome, CommitLabel, HealthLabel, HealthState, ObjectLabel, ObjectState, TargetLabel, Values,
};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The objects that the agent applies, by target.
pub(in crate::telemetry) struct Sync {
    applies: Family<ApplyLabel, Counter>,
    objects: Family<ObjectLabel, Gauge>,
    pruned: Family<TargetLabel, Counter>,
    repaired: Family<TargetLabel, Counter>,
    missed: Family<TargetLabel, Counter>,
    disagreed: Family<TargetLabel, Counter>,
    looks: Family<TargetLabel, Counter>,
    health: Family<HealthLabel, Gauge>,
    last_applied: Family<CommitLabel, Gauge>,
    /// The commit that `last_applied` shows for each target.
    shown: Mutex<BTreeMap<TargetId, String>>,
}

impl Sync {
    pub(in crate::telemetry) fn register(registry: &mut Registry) -> Self {
        let all = Self {
            applies: Family::default(),
            objects: Family::default(),
            pruned: Family::default(),
            repaired: Family::default(),
            missed: Family::default(),
            disagreed: Family::default(),
            looks: Family::default(),
            health: Family::default(),
            last_applied: Family::default(),
            shown: Mutex::default(),
        };
        registry.register(
            "apply_requests",
            "Apply requests to a target's API server, by outcome",
            all.applies.clone(),
        );
        registry.register("objects", "Objects of a target's set, by state", all.objects.clone());
        registry.register(
            "objects_pruned",
            "Objects deleted because the config repo no longer declares them",
            all.pruned.clone(),
        );
        registry.register(
            "drift_repaired",
            "Objects repaired after a change or deletion by others",
            all.repaired.clone(),
        );
        registry.register(
            "sync_audit_misses",
            "Objects that an audit shows in another light than the passes before it; stays 0",
            all.missed.clone(),
        );
        registry.register(
            "sync_audit_disagreements",
            "Objects that a dry run would change although no field of the agent was changed; stays 0",
            all.disagreed.clone(),
        );
        registry.register(
            "sync_looks",
            "Applies only to look, of objects whose fields of the agent look untouched; most find nothing to change",
            all.looks.clone(),
        );
        registry.register(
            "target_health",
            "How far the last commit has come in a target: 1 for its state, 0 for the others",
            all.health.clone(),
        );
        registry.register(
            "sync_last_applied_info",
            "The last applied commit; the value is always 1",
            all.last_applied.clone(),
        );
        all
    }

    /// Starts the counters of a target at zero.
    pub(in crate::telemetry) fn add_target(&self, target: &TargetId) {
        for outcome in ApplyOutcome::ALL {
            self.apply_requests(target, *outcome, 0);
        }
        self.pruned(target, 0);
        self.drift_repaired(target, 0);
        self.audit_misses(target, 0);
        self.audit_disagreed(target, 0);
        self.looks(target, 0);
    }

    pub(in crate::telemetry) fn apply_requests(&self, target: &TargetId, outcome: ApplyOutcome, count: usize) {
        let label = ApplyLabel {
            target: target.clone(),
            outcome,
        };
        self.applies.get_or_create(&label).inc_by(count::counter(count));
    }

    pub(in crate::telemetry) fn objects(&self, target: &TargetId, state: ObjectState, count: usize) {
        let label = ObjectLabel {
            target: target.clone(),
            state,
        };
        self.objects.get_or_create(&label).set(count::gauge(count));
    }

    pub(in crate::telemetry) fn pruned(&self, target: &TargetId, count: usize) {
        self.pruned.get_or_create(&target.into()).inc_by(count::counter(count));
    }

    pub(in crate::telemetry) fn drift_repaired(&self, target: &TargetId, count: usize) {
        self.repaired
            .get_or_create(&target.into())
            .inc_by(count::counter(count));
    }

    pub(in crate::telemetry) fn looks(&self, target: &TargetId, count: usize) {
        self.looks.get_or_create(&target.into()).inc_by(count::counter(count));
    }

    pub(in crate::telemetry) fn target_health(&self, target: &TargetId, current: HealthState) {
        for state in HealthState::ALL {
            let label = HealthLabel {
                target: target.clone(),
                state: *state,
            };
            self.health.get_or_create(&label).set(i64::from(*state == current));
        }
    }

    pub(in crate::telemetry) fn audit_misses(&self, target: &TargetId, count: usize) {
        self.missed.get_or_create(&target.into()).inc_by(count::counter(count));
    }

    pub(in crate::telemetry) fn audit_disagreed(&self, target: &TargetId, count: usize) {
        self.disagreed
            .get_or_create(&target.into())
            .inc_by(count::counter(count));
    }

    pub(in crate::telemetry) fn last_applied(&self, target: &TargetId, commit: &str) {
        let label = |commit: String| CommitLabel {
            target: target.clone(),
            commit,
        };
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let before = shown.insert(target.clone(), commit.to_owned());
        if let Some(before) = before.filter(|before| before != commit) {
            self.last_applied.remove(&label(before));
        }
        self.last_applied.get_or_create(&label(commit.to_owned())).set(1);
    }
}
