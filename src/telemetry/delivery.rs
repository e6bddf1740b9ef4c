use super::Metrics;
use super::labels::{PushLabel, PushResult, SeverityLabel};
use crate::model::Severity;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What was written to the config repo, and what could not be read in it.
pub(super) struct Delivery {
    bumps: Counter,
    pushes: Family<PushLabel, Counter>,
    parsed: Counter,
    findings: Family<SeverityLabel, Gauge>,
    automated: Gauge,
    held: Gauge,
}

impl Delivery {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let all = Self {
            bumps: Counter::default(),
            pushes: Family::default(),
            parsed: Counter::default(),
            findings: Family::default(),
            automated: Gauge::default(),
            held: Gauge::default(),
        };
        PushResult::ALL
            .iter()
            .for_each(|outcome| drop(all.pushes.get_or_create_owned(&(*outcome).into())));
        registry.register(
            "bumps",
            "Image fields moved to a newer tag by a pushed commit",
            all.bumps.clone(),
        );
        registry.register(
            "git_push",
            "Pushes to the config repo, by what became of them",
            all.pushes.clone(),
        );
        registry.register(
            "files_parsed",
            "Files of the config repo that were parsed; those with bytes known already are not",
            all.parsed.clone(),
        );
        registry.register(
            "findings",
            "What the newest reading of the config repo could not use, by how much it matters",
            all.findings.clone(),
        );
        registry.register("automated_fields", "Image fields under a policy", all.automated.clone());
        registry.register(
            "held_fields",
            "Image fields that are not bumped because a person took the bump back",
            all.held.clone(),
        );
        all
    }
}

impl Metrics {
    /// This many fields were bumped by a commit that landed.
    pub fn bumped(&self, fields: usize) {
        self.inner()
            .delivery
            .bumps
            .inc_by(u64::try_from(fields).unwrap_or(u64::MAX));
    }

    /// A push has ended.
    pub fn git_push(&self, result: PushResult) {
        self.inner().delivery.pushes.get_or_create(&result.into()).inc();
    }

    /// This many files were parsed.
    pub fn files_parsed(&self, files: usize) {
        self.inner()
            .delivery
            .parsed
            .inc_by(u64::try_from(files).unwrap_or(u64::MAX));
    }

    /// The findings of the newest reading, by severity; those not named are zero.
    pub fn findings(&self, all: impl IntoIterator<Item = Severity>) {
        let mut counts = [("error", 0), ("warning", 0), ("notice", 0)];
        for severity in all {
            let name = match severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Notice => "notice",
            };
            if let Some((_, count)) = counts.iter_mut().find(|(known, _)| *known == name) {
                *count += 1;
            }
        }
        for (severity, count) in counts {
            self.inner()
                .delivery
                .findings
                .get_or_create(&SeverityLabel { severity })
                .set(count);
        }
    }

    /// Fields under a policy, and how many of them are held.
    pub fn fields(&self, automated: usize, held: usize) {
        self.inner().delivery.automated.set(super::metrics::whole(automated));
        self.inner().delivery.held.set(super::metrics::whole(held));
    }
}
