use super::access::Access;
use super::delivery::Delivery;
use super::labels::BuildLabel;
use super::passes::Passes;
use super::scan::Scan;
use super::sync::Sync;
use prometheus_client::encoding::text;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

/// All metrics of the agent; a clone counts into the same series.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

pub(super) struct Inner {
    registry: Registry,
    pub(super) passes: Passes,
    pub(super) scan: Scan,
    pub(super) delivery: Delivery,
    pub(super) sync: Sync,
    pub(super) access: Access,
}

impl Metrics {
    /// Series of their own, all at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("tidegate");
        let build = BuildLabel {
            version: env!("CARGO_PKG_VERSION"),
        };
        registry.register("build", "Which build this is", Info::new(build));
        let passes = Passes::register(&mut registry);
        let scan = Scan::register(&mut registry);
        let delivery = Delivery::register(&mut registry);
        let sync = Sync::register(&mut registry);
        let access = Access::register(&mut registry);
        Self(Arc::new(Inner {
            registry,
            passes,
            scan,
            delivery,
            sync,
            access,
        }))
    }

    /// The media type of [`render`](Self::render)'s text.
    pub const MEDIA_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// All series as OpenMetrics text.
    pub fn render(&self) -> String {
        let mut out = String::new();
        match text::encode(&mut out, &self.0.registry) {
            Ok(()) => out,
            Err(fmt::Error) => "# EOF\n".into(),
        }
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

/// A count as a gauge holds it.
pub(super) fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use crate::model::Severity;
    use crate::telemetry::{
        ApplyOutcome, ListingOutcome, Metrics, ObjectState, Outcome, PushResult, RequestOutcome, Right,
    };
    use std::time::Duration;

    /// The value of the one series that is written so.
    fn value(metrics: &Metrics, series: &str) -> Option<String> {
        let text = metrics.render();
        let mut found = text
            .lines()
            .filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        let value = found.next().map(str::to_owned);
        assert_eq!(found.next(), None, "{series} is there twice:\n{text}");
        value
    }

    #[test]
    fn what_happens_is_found_under_its_documented_name() {
        let metrics = Metrics::new();
        metrics.pass_ended("scan", Outcome::Ok, Duration::from_millis(30));
        metrics.pass("sync").end(Outcome::Failed);
        drop(metrics.pass("sync"));
        metrics.registry_request(RequestOutcome::Ok);
        metrics.listing_ended(ListingOutcome::Denied);
        metrics.tags_ignored(3);
        metrics.scanned(2, 2500);
        metrics.bumped(2);
        metrics.git_push(PushResult::Lost);
        metrics.files_parsed(9);
        metrics.findings([Severity::Error, Severity::Error, Severity::Notice]);
        metrics.fields(7, 1);
        metrics.apply_request(ApplyOutcome::Ok);
        metrics.objects(ObjectState::Applied, 200);
        metrics.pruned(4);
        metrics.drift_repaired();
        metrics.repo_access(Right::Read, true);
        metrics.repo_access(Right::Write, false);
        metrics.tip_withheld(true);
        metrics.last_applied("0123");
        metrics.last_applied("4567");
        for (series, want) in [
            (r#"tidegate_loop_passes_total{loop="scan",outcome="ok"}"#, "1"),
            (r#"tidegate_loop_passes_total{loop="sync",outcome="failed"}"#, "1"),
            (r#"tidegate_loop_passes_total{loop="sync",outcome="aborted"}"#, "1"),
            (
                r#"tidegate_loop_pass_duration_seconds_bucket{le="0.025",loop="scan"}"#,
                "0",
            ),
            (
                r#"tidegate_loop_pass_duration_seconds_bucket{le="0.05",loop="scan"}"#,
                "1",
            ),
            (r#"tidegate_registry_requests_total{outcome="ok"}"#, "1"),
            (r#"tidegate_registry_requests_total{outcome="server_error"}"#, "0"),
            (r#"tidegate_registry_listings_total{outcome="denied"}"#, "1"),
            ("tidegate_registry_tags_ignored_total", "3"),
            ("tidegate_scan_repositories", "2"),
            ("tidegate_scan_tags", "2500"),
            ("tidegate_bumps_total", "2"),
            (r#"tidegate_git_push_total{outcome="lost"}"#, "1"),
            ("tidegate_files_parsed_total", "9"),
            (r#"tidegate_findings{severity="error"}"#, "2"),
            (r#"tidegate_findings{severity="warning"}"#, "0"),
            ("tidegate_automated_fields", "7"),
            ("tidegate_held_fields", "1"),
            (r#"tidegate_apply_requests_total{outcome="ok"}"#, "1"),
            (r#"tidegate_objects{state="applied"}"#, "200"),
            ("tidegate_objects_pruned_total", "4"),
            ("tidegate_drift_repaired_total", "1"),
            (r#"tidegate_sync_last_applied_info{commit="4567"}"#, "1"),
            (r#"tidegate_repo_access{right="read"}"#, "1"),
            (r#"tidegate_repo_access{right="write"}"#, "0"),
            ("tidegate_repo_tip_withheld", "1"),
            (
                concat!("tidegate_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"}"),
                "1",
            ),
        ] {
            assert_eq!(
                value(&metrics, series).as_deref(),
                Some(want),
                "{series}\n{}",
                metrics.render()
            );
        }
        assert_eq!(
            value(&metrics, r#"tidegate_sync_last_applied_info{commit="0123"}"#),
            None
        );
    }

    #[test]
    fn only_a_pass_that_ended_well_counts_as_success() {
        let metrics = Metrics::new();
        metrics.pass_ended("scan", Outcome::Partial, Duration::ZERO);
        let series = r#"tidegate_loop_last_success_timestamp_seconds{loop="scan"}"#;
        assert_eq!(value(&metrics, series), None);
        metrics.pass_ended("scan", Outcome::Ok, Duration::ZERO);
        let at: f64 = value(&metrics, series).unwrap().parse().unwrap();
        assert!(at > 1.7e9, "{at}");
    }

    #[test]
    fn the_text_is_closed_and_every_series_says_what_it_is() {
        let text = Metrics::new().render();
        assert!(text.ends_with("# EOF\n"), "{text}");
        for name in ["held_fields", "registry_requests", "drift_repaired"] {
            assert!(text.contains(&format!("# HELP tidegate_{name} ")), "{name}\n{text}");
        }
    }
}
