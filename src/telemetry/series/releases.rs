use crate::model::TargetId;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What is done to the Helm releases of the targets.
pub(in crate::telemetry) struct Releases {
    actions: Family<ActionLabel, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ActionLabel {
    target: String,
    action: &'static str,
    outcome: &'static str,
}

impl Releases {
    pub(in crate::telemetry) fn register(registry: &mut Registry) -> Self {
        let all = Self {
            actions: Family::default(),
        };
        registry.register(
            "release_actions",
            "What was done to Helm releases, by action and outcome",
            all.actions.clone(),
        );
        all
    }

    pub(in crate::telemetry) fn action(&self, target: &TargetId, action: &'static str, succeeded: bool) {
        let label = ActionLabel {
            target: target.to_string(),
            action,
            outcome: if succeeded { "ok" } else { "failed" },
        };
        self.actions.get_or_create(&label).inc();
    }
}
