use super::count;
use crate::telemetry::labels::{ApplyLabel, ApplyOutcome, CommitLabel, ObjectLabel, ObjectState, Values};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The objects that the agent applies.
pub(in crate::telemetry) struct Sync {
    applies: Family<ApplyLabel, Counter>,
    objects: Family<ObjectLabel, Gauge>,
    pruned: Counter,
    repaired: Counter,
    last_applied: Family<CommitLabel, Gauge>,
}

impl Sync {
    pub(in crate::telemetry) fn register(registry: &mut Registry) -> Self {
        let all = Self {
            applies: Family::default(),
            objects: Family::default(),
            pruned: Counter::default(),
            repaired: Counter::default(),
            last_applied: Family::default(),
        };
        ApplyOutcome::ALL
            .iter()
            .for_each(|outcome| drop(all.applies.get_or_create_owned(&(*outcome).into())));
        registry.register(
            "apply_requests",
            "Apply requests to the API server, by outcome",
            all.applies.clone(),
        );
        registry.register("objects", "Objects of the set, by state", all.objects.clone());
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
            "sync_last_applied_info",
            "The last applied commit; the value is always 1",
            all.last_applied.clone(),
        );
        all
    }

    pub(in crate::telemetry) fn apply_request(&self, outcome: ApplyOutcome) {
        self.applies.get_or_create(&outcome.into()).inc();
    }

    pub(in crate::telemetry) fn objects(&self, state: ObjectState, count: usize) {
        self.objects.get_or_create(&state.into()).set(count::gauge(count));
    }

    pub(in crate::telemetry) fn pruned(&self, count: usize) {
        self.pruned.inc_by(count::counter(count));
    }

    pub(in crate::telemetry) fn drift_repaired(&self) {
        self.repaired.inc();
    }

    pub(in crate::telemetry) fn last_applied(&self, commit: &str) {
        let info = &self.last_applied;
        let label = CommitLabel {
            commit: commit.to_owned(),
        };
        let known = info.get(&label).is_some();
        if !known {
            info.clear();
        }
        info.get_or_create(&label).set(1);
    }
}
