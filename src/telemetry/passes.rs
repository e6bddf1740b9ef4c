use super::Metrics;
use super::labels::{LoopLabel, Outcome, PassLabel};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// From an idle pass (milliseconds) to one at its deadline (minutes).
const DURATIONS: [f64; 13] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0,
];

/// How the loops are doing.
pub(super) struct Passes {
    ended: Family<PassLabel, Counter>,
    duration: Family<LoopLabel, Histogram, fn() -> Histogram>,
    last_success: Family<LoopLabel, Gauge<f64, AtomicU64>>,
}

impl Passes {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let all = Self {
            ended: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            last_success: Family::default(),
        };
        registry.register("loop_passes", "Passes of a loop, by how they ended", all.ended.clone());
        registry.register_with_unit(
            "loop_pass_duration",
            "How long a pass took",
            Unit::Seconds,
            all.duration.clone(),
        );
        registry.register_with_unit(
            "loop_last_success_timestamp",
            "When a pass last ended well, in seconds since 1970",
            Unit::Seconds,
            all.last_success.clone(),
        );
        all
    }
}

impl Metrics {
    /// A pass of this loop has ended. The name is one of the few that our own source gives to loops.
    pub fn pass_ended(&self, name: &'static str, outcome: Outcome, took: Duration) {
        let passes = &self.inner().passes;
        let ended = PassLabel {
            r#loop: name,
            outcome: outcome.into(),
        };
        passes.ended.get_or_create(&ended).inc();
        let label = LoopLabel { r#loop: name };
        passes.duration.get_or_create(&label).observe(took.as_secs_f64());
        if outcome == Outcome::Ok {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            passes.last_success.get_or_create(&label).set(now.as_secs_f64());
        }
    }

    /// Starts the clock of a pass; one that is dropped without its end counts as aborted.
    #[must_use = "call end with the pass's outcome"]
    pub fn pass(&self, name: &'static str) -> PassTimer {
        PassTimer {
            metrics: self.clone(),
            name,
            started: Instant::now(),
            outcome: Outcome::Aborted,
        }
    }
}

/// A running pass.
pub struct PassTimer {
    metrics: Metrics,
    name: &'static str,
    started: Instant,
    outcome: Outcome,
}

impl PassTimer {
    /// Records the pass.
    pub fn end(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for PassTimer {
    fn drop(&mut self) {
        self.metrics.pass_ended(self.name, self.outcome, self.started.elapsed());
    }
}
