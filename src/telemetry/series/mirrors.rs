use crate::model::TargetId;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The copies of mirrored objects.
pub(in crate::telemetry) struct Mirrors {
    copies: Family<TargetLabel, Gauge>,
    writes: Family<OutcomeLabel, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TargetLabel {
    target: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    target: String,
    outcome: &'static str,
}

impl Mirrors {
    pub(in crate::telemetry) fn register(registry: &mut Registry) -> Self {
        let all = Self {
            copies: Family::default(),
            writes: Family::default(),
        };
        registry.register(
            "mirror_copies",
            "Copies of Secrets and ConfigMaps that the agent keeps, by target",
            all.copies.clone(),
        );
        registry.register(
            "mirror_writes",
            "Writes of copies, by target and outcome",
            all.writes.clone(),
        );
        all
    }

    pub(in crate::telemetry) fn copies(&self, target: &TargetId, count: usize) {
        let target = target.to_string();
        let gauge = self.copies.get_or_create(&TargetLabel { target });
        gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(in crate::telemetry) fn writes(&self, target: &TargetId, outcome: &'static str, count: usize) {
        if count > 0 {
            let target = target.to_string();
            let counter = self.writes.get_or_create(&OutcomeLabel { target, outcome });
            counter.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
        }
    }
}
