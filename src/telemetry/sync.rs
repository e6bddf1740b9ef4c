use super::Metrics;
use super::labels::{ApplyLabel, ApplyOutcome, CommitLabel, ObjectLabel, ObjectState};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// How the cluster stands to the config repo.
pub(super) struct Sync {
    applies: Family<ApplyLabel, Counter>,
    objects: Family<ObjectLabel, Gauge>,
    pruned: Counter,
    repaired: Counter,
    last_applied: Family<CommitLabel, Gauge>,
}

impl Sync {
    pub(super) fn register(registry: &mut Registry) -> Self {
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
            "Apply requests to the API server, by what became of them",
            all.applies.clone(),
        );
        registry.register("objects", "Objects of the set, by how they stand", all.objects.clone());
        registry.register(
            "objects_pruned",
            "Objects deleted because the config repo no longer has them",
            all.pruned.clone(),
        );
        registry.register(
            "drift_repaired",
            "Objects put back after a change by others",
            all.repaired.clone(),
        );
        registry.register(
            "sync_last_applied_info",
            "The commit applied last, always 1",
            all.last_applied.clone(),
        );
        all
    }
}

impl Metrics {
    /// One apply request has ended.
    pub fn apply_request(&self, outcome: ApplyOutcome) {
        self.inner().sync.applies.get_or_create(&outcome.into()).inc();
    }

    /// How many objects of the set stand how.
    pub fn objects(&self, state: ObjectState, count: usize) {
        self.inner()
            .sync
            .objects
            .get_or_create(&state.into())
            .set(super::metrics::whole(count));
    }

    /// Objects were deleted because they left the repo.
    pub fn pruned(&self, count: usize) {
        self.inner()
            .sync
            .pruned
            .inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// An object that others had changed or deleted is back.
    pub fn drift_repaired(&self) {
        self.inner().sync.repaired.inc();
    }

    /// This commit has been applied; the one before it is no longer shown.
    pub fn last_applied(&self, commit: &str) {
        let info = &self.inner().sync.last_applied;
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
