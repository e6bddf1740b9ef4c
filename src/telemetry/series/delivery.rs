use super::count;
use crate::model::Severity;
use crate::telemetry::labels::{PushLabel, PushResult, SeverityLabel, Values};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Commits and pushes to the config repo, and findings in it.
pub(in crate::telemetry) struct Delivery {
    bumps: Counter,
    taken_back: Counter,
    pushes: Family<PushLabel, Counter>,
    parsed: Counter,
    rendered: Counter,
    findings: Family<SeverityLabel, Gauge>,
    automated: Gauge,
    held: Gauge,
}

impl Delivery {
    pub(in crate::telemetry) fn register(registry: &mut Registry) -> Self {
        let all = Self {
            bumps: Counter::default(),
            taken_back: Counter::default(),
            pushes: Family::default(),
            parsed: Counter::default(),
            rendered: Counter::default(),
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
            "bumps_taken_back",
            "Image fields that a pushed commit moved back because the rollout of their tag failed",
            all.taken_back.clone(),
        );
        registry.register("git_push", "Pushes to the config repo, by outcome", all.pushes.clone());
        registry.register(
            "files_parsed",
            "Files of the config repo that were parsed; a file with the same bytes as before is not parsed again",
            all.parsed.clone(),
        );
        registry.register(
            "renderings",
            "Kustomization folders and encrypted files that were rendered; one with the same files as before is not rendered again",
            all.rendered.clone(),
        );
        registry.register(
            "findings",
            "Problems found at the newest commit of the config repo, by severity",
            all.findings.clone(),
        );
        registry.register("automated_fields", "Image fields with a policy", all.automated.clone());
        registry.register(
            "held_fields",
            "Image fields that are not bumped because a person reverted the bump",
            all.held.clone(),
        );
        all
    }

    pub(in crate::telemetry) fn bumped(&self, fields: usize) {
        self.bumps.inc_by(count::counter(fields));
    }

    pub(in crate::telemetry) fn taken_back(&self, fields: usize) {
        self.taken_back.inc_by(count::counter(fields));
    }

    pub(in crate::telemetry) fn git_push(&self, result: PushResult) {
        self.pushes.get_or_create(&result.into()).inc();
    }

    pub(in crate::telemetry) fn files_parsed(&self, files: usize) {
        self.parsed.inc_by(count::counter(files));
    }

    pub(in crate::telemetry) fn rendered(&self) {
        self.rendered.inc();
    }

    pub(in crate::telemetry) fn findings(&self, all: impl IntoIterator<Item = Severity>) {
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
            self.findings.get_or_create(&SeverityLabel { severity }).set(count);
        }
    }

    pub(in crate::telemetry) fn fields(&self, automated: usize, held: usize) {
        self.automated.set(count::gauge(automated));
        self.held.set(count::gauge(held));
    }
}
