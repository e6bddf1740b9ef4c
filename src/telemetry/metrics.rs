use super::labels::{
    ApplyOutcome, BuildLabel, HealthState, ListingOutcome, ObjectState, Outcome, PushResult, RequestOutcome, Right,
};
use super::series::{Delivery, Mirrors, Notifications, Passes, PullSecrets, Releases, RepoAccess, Scan, Sync};
use crate::model::{Severity, TargetId};
use crate::spread::{LoginAge, LoginKey};
use prometheus_client::encoding::text;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// All metrics of the agent. Clones share the same series.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    passes: Passes,
    scan: Scan,
    delivery: Delivery,
    sync: Sync,
    releases: Releases,
    mirrors: Mirrors,
    pull_secrets: PullSecrets,
    access: RepoAccess,
    notifications: Notifications,
}

impl Metrics {
    /// New series, all at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("tidegate");
        let build = BuildLabel {
            version: env!("CARGO_PKG_VERSION"),
        };
        registry.register("build", "The version of the agent", Info::new(build));
        let passes = Passes::register(&mut registry);
        let scan = Scan::register(&mut registry);
        let delivery = Delivery::register(&mut registry);
        let sync = Sync::register(&mut registry);
        let releases = Releases::register(&mut registry);
        let mirrors = Mirrors::register(&mut registry);
        let pull_secrets = PullSecrets::register(&mut registry);
        let access = RepoAccess::register(&mut registry);
        let notifications = Notifications::register(&mut registry);
        Self(Arc::new(Inner {
            registry,
            passes,
            scan,
            delivery,
            sync,
            releases,
            mirrors,
            pull_secrets,
            access,
            notifications,
        }))
    }

    /// The media type of the text that [`render`](Self::render) returns.
    pub const MEDIA_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// All series, as OpenMetrics text.
    pub fn render(&self) -> String {
        let mut out = String::new();
        match text::encode(&mut out, &self.0.registry) {
            Ok(()) => out,
            Err(fmt::Error) => "# EOF\n".into(),
        }
    }

    /// What became of notifications.
    pub(crate) fn notifications(&self) -> &Notifications {
        &self.0.notifications
    }

    /// Counts a pass that ended. `name` is the name of the loop: from the source code, and for sync with the target's name.
    pub(crate) fn pass_ended(&self, name: &Arc<str>, outcome: Outcome, took: Duration) {
        self.0.passes.ended(name, outcome, took);
    }

    /// Counts a request to a registry that ended.
    pub(crate) fn registry_request(&self, outcome: RequestOutcome) {
        self.0.scan.registry_request(outcome);
    }

    /// Counts a listing that ended.
    pub(crate) fn listing_ended(&self, outcome: ListingOutcome) {
        self.0.scan.listing_ended(outcome);
    }

    /// Counts the tags that were left out of a listing.
    pub(crate) fn tags_ignored(&self, count: u64) {
        self.0.scan.tags_ignored(count);
    }

    /// Sets the number of repositories that are scanned, and of the tags in their newest listings.
    pub(crate) fn scanned(&self, repositories: usize, tags: usize) {
        self.0.scan.scanned(repositories, tags);
    }

    /// Counts the image fields that a pushed commit bumped.
    pub(crate) fn bumped(&self, fields: usize) {
        self.0.delivery.bumped(fields);
    }

    /// Counts the bumps that a pushed commit took back, since their rollouts failed.
    pub(crate) fn taken_back(&self, fields: usize) {
        self.0.delivery.taken_back(fields);
    }

    /// Counts a push that ended.
    pub(crate) fn git_push(&self, result: PushResult) {
        self.0.delivery.git_push(result);
    }

    /// Counts parsed files.
    pub(crate) fn files_parsed(&self, files: usize) {
        self.0.delivery.files_parsed(files);
    }

    /// Counts a rendering of a folder or an encrypted file.
    pub(crate) fn rendered(&self) {
        self.0.delivery.rendered();
    }

    /// Sets the number of findings by severity. A severity that does not occur is set to zero.
    pub(crate) fn findings(&self, all: impl IntoIterator<Item = Severity>) {
        self.0.delivery.findings(all);
    }

    /// Sets the number of image fields with a policy, and how many of them are held.
    pub(crate) fn fields(&self, automated: usize, held: usize) {
        self.0.delivery.fields(automated, held);
    }

    /// Starts the counters of a target at zero.
    pub(crate) fn add_target(&self, target: &TargetId) {
        self.0.sync.add_target(target);
    }

    /// Counts apply requests to a target that ended.
    pub(crate) fn apply_requests(&self, target: &TargetId, outcome: ApplyOutcome, count: usize) {
        self.0.sync.apply_requests(target, outcome, count);
    }

    /// Sets how many objects of a target's set are in a state.
    pub(crate) fn objects(&self, target: &TargetId, state: ObjectState, count: usize) {
        self.0.sync.objects(target, state, count);
    }

    /// Counts the objects of a target that were deleted because the config repo no longer declares them.
    pub(crate) fn pruned(&self, target: &TargetId, count: usize) {
        self.0.sync.pruned(target, count);
    }

    /// Counts what was done to a Helm release of a target.
    pub(crate) fn release_action(&self, target: &TargetId, action: &'static str, succeeded: bool) {
        self.0.releases.action(target, action, succeeded);
    }

    /// Sets how many copies of mirrored objects there are.
    pub(crate) fn mirror_copies(&self, target: &TargetId, count: usize) {
        self.0.mirrors.copies(target, count);
    }

    /// Counts writes of copies.
    pub(crate) fn mirror_writes(&self, target: &TargetId, outcome: &'static str, count: usize) {
        self.0.mirrors.writes(target, outcome, count);
    }

    /// Sets how old the logins in pull secrets are.
    pub(crate) fn pull_secrets(&self, ages: &BTreeMap<LoginKey, LoginAge>) {
        self.0.pull_secrets.ages(ages);
    }

    /// Counts the requests for logins of registries that have ended.
    pub(crate) fn pull_tokens(&self, logins: usize, failures: usize) {
        self.0.pull_secrets.tokens("ok", logins);
        self.0.pull_secrets.tokens("failed", failures);
    }

    /// Counts writes of pull secrets.
    pub(crate) fn pull_secret_writes(&self, outcome: &'static str, count: usize) {
        self.0.pull_secrets.writes(outcome, count);
    }

    /// Counts the objects of a target that were repaired after others had changed or deleted them.
    pub(crate) fn drift_repaired(&self, target: &TargetId, count: usize) {
        self.0.sync.drift_repaired(target, count);
    }

    /// Counts the objects of a target that were applied only to look at them.
    pub(crate) fn looks(&self, target: &TargetId, count: usize) {
        self.0.sync.looks(target, count);
    }

    /// Sets how far the last commit has come in a target.
    pub(crate) fn target_health(&self, target: &TargetId, state: HealthState) {
        self.0.sync.target_health(target, state);
    }

    /// Counts the objects of a target that an audit showed in another light than the passes before it.
    pub(crate) fn audit_misses(&self, target: &TargetId, count: usize) {
        self.0.sync.audit_misses(target, count);
    }

    /// Counts the objects of a target that a dry run would change although no field of the agent was changed.
    pub(crate) fn audit_disagreed(&self, target: &TargetId, count: usize) {
        self.0.sync.audit_disagreed(target, count);
    }

    /// Sets the last commit that was applied to a target. The series of the commit before is removed.
    pub(crate) fn last_applied(&self, target: &TargetId, commit: &str) {
        self.0.sync.last_applied(target, commit);
    }

    /// Sets whether the deploy key has a right.
    pub(crate) fn repo_access(&self, right: Right, granted: bool) {
        self.0.access.repo_access(right, granted);
    }

    /// Sets whether the branch's head is withheld: not applied because its signature is not accepted.
    pub(crate) fn tip_withheld(&self, withheld: bool) {
        self.0.access.tip_withheld(withheld);
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

#[cfg(test)]
mod tests {
    use crate::model::{Severity, TargetId};
    use crate::telemetry::{
        ApplyOutcome, ListingOutcome, Metrics, ObjectState, Outcome, PushResult, RequestOutcome, Right,
    };
    use std::time::Duration;

    /// The value of the series with this name and these labels. The series must occur once.
    fn value(metrics: &Metrics, series: &str) -> Option<String> {
        let text = metrics.render();
        let mut found = text
            .lines()
            .filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        let value = found.next().map(str::to_owned);
        assert_eq!(found.next(), None, "{series} occurs twice:\n{text}");
        value
    }

    #[test]
    fn every_event_is_counted_under_its_documented_name() {
        let metrics = Metrics::new();
        metrics.pass_ended(&"scan".into(), Outcome::Ok, Duration::from_millis(30));
        metrics.pass_ended(&"sync/here".into(), Outcome::Failed, Duration::from_millis(30));
        metrics.registry_request(RequestOutcome::Ok);
        metrics.listing_ended(ListingOutcome::Denied);
        metrics.tags_ignored(3);
        metrics.scanned(2, 2500);
        metrics.bumped(2);
        metrics.git_push(PushResult::Lost);
        metrics.files_parsed(9);
        metrics.findings([Severity::Error, Severity::Error, Severity::Notice]);
        metrics.fields(7, 1);
        let (here, other) = (TargetId::here(), TargetId::new("other"));
        metrics.add_target(&here);
        metrics.apply_requests(&here, ApplyOutcome::Ok, 1);
        metrics.objects(&here, ObjectState::Applied, 200);
        metrics.objects(&other, ObjectState::Applied, 7);
        metrics.pruned(&here, 4);
        metrics.drift_repaired(&here, 1);
        metrics.repo_access(Right::Read, true);
        metrics.repo_access(Right::Write, false);
        metrics.tip_withheld(true);
        metrics.last_applied(&here, "0123");
        metrics.last_applied(&other, "0123");
        metrics.last_applied(&here, "4567");
        for (series, expected) in [
            (r#"tidegate_loop_passes_total{loop="scan",outcome="ok"}"#, "1"),
            (
                r#"tidegate_loop_passes_total{loop="sync",target="here",outcome="failed"}"#,
                "1",
            ),
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
            (r#"tidegate_apply_requests_total{target="here",outcome="ok"}"#, "1"),
            (r#"tidegate_apply_requests_total{target="here",outcome="refused"}"#, "0"),
            (r#"tidegate_objects{target="here",state="applied"}"#, "200"),
            (r#"tidegate_objects{target="other",state="applied"}"#, "7"),
            (r#"tidegate_objects_pruned_total{target="here"}"#, "4"),
            (r#"tidegate_drift_repaired_total{target="here"}"#, "1"),
            (r#"tidegate_sync_last_applied_info{target="here",commit="4567"}"#, "1"),
            (r#"tidegate_sync_last_applied_info{target="other",commit="0123"}"#, "1"),
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
                Some(expected),
                "{series}\n{}",
                metrics.render()
            );
        }
        assert_eq!(
            value(
                &metrics,
                r#"tidegate_sync_last_applied_info{target="here",commit="0123"}"#
            ),
            None
        );
    }

    #[test]
    fn only_a_successful_pass_sets_the_time_of_success() {
        let metrics = Metrics::new();
        metrics.pass_ended(&"scan".into(), Outcome::Failed, Duration::ZERO);
        let series = r#"tidegate_loop_last_success_timestamp_seconds{loop="scan"}"#;
        assert_eq!(value(&metrics, series), None);
        metrics.pass_ended(&"scan".into(), Outcome::Ok, Duration::ZERO);
        let at: f64 = value(&metrics, series).unwrap().parse().unwrap();
        assert!(at > 1.7e9, "{at}");
    }

    #[test]
    fn the_text_has_an_end_and_every_series_has_a_help_text() {
        let metrics = Metrics::new();
        metrics.add_target(&TargetId::here());
        let text = metrics.render();
        assert!(text.ends_with("# EOF\n"), "{text}");
        for name in ["held_fields", "registry_requests", "drift_repaired"] {
            assert!(text.contains(&format!("# HELP tidegate_{name} ")), "{name}\n{text}");
        }
    }
}
