use crate::telemetry::labels::{LoopLabel, Outcome, PassLabel};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The buckets, in seconds: from an idle pass (milliseconds) to a pass at its deadline (minutes).
const DURATIONS: [f64; 13] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0,
];

/// The passes of the loops.
pub(in crate::telemetry) struct Passes {
    ended: Family<PassLabel, Counter>,
    duration: Family<LoopLabel, Histogram, fn() -> Histogram>,
    last_success: Family<LoopLabel, Gauge<f64, AtomicU64>>,
}

impl Passes {
    pub(in crate::telemetry) fn register(registry: &mut Registry) -> Self {
        let all = Self {
            ended: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(DURATIONS)),
            last_success: Family::default(),
        };
        registry.register("loop_passes", "Passes of a loop, by outcome", all.ended.clone());
        registry.register_with_unit(
            "loop_pass_duration",
            "Duration of a pass",
            Unit::Seconds,
            all.duration.clone(),
        );
        registry.register_with_unit(
            "loop_last_success_timestamp",
            "Time of the last successful pass, in seconds since 1970",
            Unit::Seconds,
            all.last_success.clone(),
        );
        all
    }

    pub(in crate::telemetry) fn ended(&self, name: &Arc<str>, outcome: Outcome, took: Duration) {
        let label = LoopLabel { name: Arc::clone(name) };
        let ended = PassLabel {
            r#loop: label.clone(),
            outcome: outcome.into(),
        };
        self.ended.get_or_create(&ended).inc();
        self.duration.get_or_create(&label).observe(took.as_secs_f64());
        if outcome == Outcome::Ok {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.last_success.get_or_create(&label).set(now.as_secs_f64());
        }
    }
}
