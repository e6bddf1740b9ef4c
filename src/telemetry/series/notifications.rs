use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What became of notifications, by the rule's name.
pub(crate) struct Notifications {
    sent: Family<RuleLabel, Counter>,
    failed: Family<RuleLabel, Counter>,
    dropped: Family<RuleLabel, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RuleLabel {
    name: String,
}

fn label(name: &str) -> RuleLabel {
    RuleLabel { name: name.to_owned() }
}

impl Notifications {
    pub(in crate::telemetry) fn register(registry: &mut Registry) -> Self {
        let all = Self {
            sent: Family::default(),
            failed: Family::default(),
            dropped: Family::default(),
        };
        registry.register(
            "notifications_sent",
            "Events in delivered notifications, by the notification's name",
            all.sent.clone(),
        );
        registry.register(
            "notifications_failed",
            "Tries to deliver a notification that failed; most are tried again",
            all.failed.clone(),
        );
        registry.register(
            "notifications_dropped",
            "Events whose notification was given up, or that found no room",
            all.dropped.clone(),
        );
        all
    }

    /// Starts the counters of a rule at zero.
    pub(crate) fn add_rule(&self, name: &str) {
        for family in [&self.sent, &self.failed, &self.dropped] {
            drop(family.get_or_create_owned(&label(name)));
        }
    }

    /// Counts the events of a delivered message.
    pub(crate) fn sent(&self, name: &str, events: u64) {
        self.sent.get_or_create(&label(name)).inc_by(events);
    }

    /// Counts a try to deliver a message that failed.
    pub(crate) fn failed(&self, name: &str) {
        self.failed.get_or_create(&label(name)).inc();
    }

    /// Counts events that nobody hears of.
    pub(crate) fn dropped(&self, name: &str, events: u64) {
        self.dropped.get_or_create(&label(name)).inc_by(events);
    }
}
