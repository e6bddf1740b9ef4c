use super::{Board, Rules, Scan};
use crate::driver::{Outcome, Pass};
use crate::model::Repository;
use crate::port::{ListFailure, Registry};
use crate::telemetry::Metrics;
use futures::StreamExt;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What a pass of the scan loop did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanReport {
    /// The repositories scanned in this pass.
    pub scanned: Vec<RepositoryScan>,
}

/// One repository's scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryScan {
    /// Which.
    pub repository: Repository,
    /// How many tags it has, or what went wrong.
    pub tags: Result<usize, String>,
}

/// The scan loop's work.
pub struct Scanner<R, F, J> {
    registry: Arc<R>,
    board: Arc<Board>,
    rules: Arc<Rules>,
    due: BTreeMap<Repository, Instant>,
    failing: BTreeMap<Repository, u32>,
    metrics: Metrics,
    changed: F,
    jitter: J,
}

/// Listings under way at once. The registry room holds each account to its rate; this bounds memory and connections.
const IN_FLIGHT: usize = 8;
/// The longest wait until a failing repository is tried again.
const LONGEST_RETRY: Duration = Duration::from_secs(600);
/// The wait of a loop with nothing scheduled: whoever wants something wakes it.
const IDLE: Duration = Duration::from_secs(3600);

/// For repositories that only a cron window or a command scans.
const NEVER: Duration = Duration::from_secs(365 * 86_400);

impl<R: Registry, F: Fn() + Send, J: Fn() -> f64 + Send> Scanner<R, F, J> {
    /// Scans what the board wants, calling `changed` when the automation has to look again.
    pub fn new(
        registry: Arc<R>,
        board: Arc<Board>,
        rules: Arc<Rules>,
        metrics: Metrics,
        changed: F,
        jitter: J,
    ) -> Self {
        Self {
            registry,
            board,
            rules,
            metrics,
            due: BTreeMap::new(),
            failing: BTreeMap::new(),
            changed,
            jitter,
        }
    }

    fn take_due(&mut self, now: Instant) -> Vec<Repository> {
        let wanted = self.board.wanted();
        let forced = self.board.take_forced();
        self.due.retain(|repository, _| wanted.contains(repository));
        self.failing.retain(|repository, _| wanted.contains(repository));
        let mut due: Vec<Repository> = wanted
            .into_iter()
            .filter(|repository| self.rules.allows(repository).is_ok())
            .filter(|repository| forced.contains(repository) || self.due.get(repository).is_none_or(|due| *due <= now))
            .collect();
        due.sort_by_key(|repository| !forced.contains(repository));
        due
    }

    /// Plans the next scan: after the period with a tenth of jitter, later while it fails.
    fn schedule(&mut self, repository: &Repository, start: Instant, failure: Option<&ListFailure>) {
        let mut wait = self
            .rules
            .every(repository)
            .unwrap_or(NEVER)
            .mul_f64(0.9 + (self.jitter)() / 5.0);
        match failure {
            None => {
                self.failing.remove(repository);
            }
            Some(failure) => {
                let failures = self.failing.entry(repository.clone()).or_default();
                *failures = failures.saturating_add(1);
                let backoff = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow((*failures).min(12)));
                wait = match failure {
                    ListFailure::NotFound { .. } | ListFailure::Denied { .. } | ListFailure::Unsupported { .. } => {
                        wait.max(backoff.min(LONGEST_RETRY))
                    }
                    ListFailure::Throttled { after: Some(after), .. } => backoff.max(*after).min(LONGEST_RETRY),
                    ListFailure::Throttled { .. } | ListFailure::Failed { .. } => backoff.min(LONGEST_RETRY),
                };
            }
        }
        self.due.insert(repository.clone(), start + wait);
    }
}

impl<R, F, J> Pass for Scanner<R, F, J>
where
    R: Registry,
    F: Fn() + Send + 'static,
    J: Fn() -> f64 + Send + 'static,
{
    type Report = ScanReport;

    async fn pass(&mut self) -> Outcome<ScanReport> {
        let start = Instant::now();
        let due = self.take_due(start);
        let mut report = ScanReport::default();
        let registry = Arc::clone(&self.registry);
        let mut listings = futures::stream::iter(due)
            .map(|repository| {
                let registry = Arc::clone(&registry);
                async move {
                    let result = registry.list(&repository).await.map(Arc::new);
                    (repository, result)
                }
            })
            .buffer_unordered(IN_FLIGHT);
        while let Some((repository, result)) = listings.next().await {
            self.schedule(&repository, start, result.as_ref().err());
            let tags = result
                .as_ref()
                .map(|listing| listing.images.len())
                .map_err(ToString::to_string);
            let changed = self.board.put(&repository, Scan { result, at: start });
            match &tags {
                Err(error) if changed => tracing::warn!(%repository, %error, "scan failed"),
                Err(error) => tracing::debug!(%repository, %error, "scan failed again"),
                Ok(tags) if changed => tracing::debug!(%repository, tags, "tags changed"),
                Ok(tags) => tracing::trace!(%repository, tags, "scanned"),
            }
            report.scanned.push(RepositoryScan { repository, tags });
            if changed {
                (self.changed)();
            }
        }
        drop(listings);
        let (repositories, tags) = self.board.extent();
        self.metrics.scanned(repositories, tags);
        report.scanned.sort_by(|a, b| a.repository.cmp(&b.repository));
        let next = self
            .due
            .values()
            .min()
            .map_or(IDLE, |due| due.saturating_duration_since(Instant::now()));
        Outcome::Again(report, next)
    }

    fn late(&self, _: Duration) -> ScanReport {
        ScanReport::default()
    }
}
