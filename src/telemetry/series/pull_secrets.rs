use crate::spread::{LoginAge, LoginKey};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;

/// The logins in pull secrets.
pub(in crate::telemetry) struct PullSecrets {
    oldest: Family<LoginLabel, Gauge>,
    ends: Family<LoginLabel, Gauge>,
    tokens: Family<OutcomeLabel, Counter>,
    writes: Family<OutcomeLabel, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LoginLabel {
    login: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

impl PullSecrets {
    pub(in crate::telemetry) fn register(registry: &mut Registry) -> Self {
        let all = Self {
            oldest: Family::default(),
            ends: Family::default(),
            tokens: Family::default(),
            writes: Family::default(),
        };
        registry.register(
            "pull_secret_login_made_timestamp_seconds",
            "When the oldest login in a pull secret was made, by identity and region",
            all.oldest.clone(),
        );
        registry.register(
            "pull_secret_login_expires_timestamp_seconds",
            "When the first login in a pull secret ends, by identity and region",
            all.ends.clone(),
        );
        registry.register(
            "pull_secret_tokens",
            "Requests for logins of registries, by outcome",
            all.tokens.clone(),
        );
        registry.register(
            "pull_secret_writes",
            "Writes of pull secrets, by outcome",
            all.writes.clone(),
        );
        all
    }

    /// Sets the ages. The series of a login that stands in no Secret any more are removed.
    pub(in crate::telemetry) fn ages(&self, ages: &BTreeMap<LoginKey, LoginAge>) {
        self.oldest.clear();
        self.ends.clear();
        for (login, age) in ages {
            let label = LoginLabel { login: login.clone() };
            self.oldest.get_or_create(&label).set(age.oldest.as_second());
            self.ends.get_or_create(&label).set(age.first_end.as_second());
        }
    }

    pub(in crate::telemetry) fn tokens(&self, outcome: &'static str, count: usize) {
        add(&self.tokens, outcome, count);
    }

    pub(in crate::telemetry) fn writes(&self, outcome: &'static str, count: usize) {
        add(&self.writes, outcome, count);
    }
}

fn add(family: &Family<OutcomeLabel, Counter>, outcome: &'static str, count: usize) {
    if count > 0 {
        let counter = family.get_or_create(&OutcomeLabel { outcome });
        counter.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }
}
