use super::platforms::read_platforms;
use crate::driver::{Outcome, Pass};
use crate::model::Repository;
use crate::policy::ScanRules;
use crate::port::{ListFailure, Registry, Scan, ScanState};
use crate::telemetry::Metrics;
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
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
    state: Arc<ScanState>,
    rules: Arc<ScanRules>,
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

/// The wait until platforms that could not be read are asked for again.
const PLATFORM_RETRY: Duration = Duration::from_secs(30);

/// Changes that a sweep finds within this time are told together, so that images pushed together share a commit; a
/// sweep of one repository tells at once.
const GATHER: Duration = Duration::from_secs(1);
/// For repositories that only a cron window or a command scans.
const NEVER: Duration = Duration::from_secs(365 * 86_400);

impl<R: Registry, F: Fn() + Send, J: Fn() -> f64 + Send> Scanner<R, F, J> {
    /// Scans what the state wants, calling `changed` when the automation has to look again.
    pub fn new(
        registry: Arc<R>,
        state: Arc<ScanState>,
        rules: Arc<ScanRules>,
        metrics: Metrics,
        changed: F,
        jitter: J,
    ) -> Self {
        Self {
            registry,
            state,
            rules,
            metrics,
            due: BTreeMap::new(),
            failing: BTreeMap::new(),
            changed,
            jitter,
        }
    }

    fn take_due(&mut self, now: Instant) -> Vec<Repository> {
        let wanted = self.state.repositories();
        let forced = self.state.take_requested();
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
        let mut sweep = Sweep {
            rest: self.take_due(Instant::now()).into(),
            ahead: BTreeSet::new(),
            state: Arc::clone(&self.state),
            rules: Arc::clone(&self.rules),
        };
        let mut report = ScanReport::default();
        let registry = Arc::clone(&self.registry);
        let inspected = read_platforms(&*registry, &self.state, true).await;
        let mut untold = inspected.then(Instant::now);
        let mut listings = futures::stream::iter(std::iter::from_fn(|| sweep.next()))
            .map(|repository| {
                let registry = Arc::clone(&registry);
                async move {
                    let start = Instant::now();
                    let result = registry.list(&repository).await.map(Arc::new);
                    (repository, start, result)
                }
            })
            .buffer_unordered(IN_FLIGHT);
        while let Some((repository, start, result)) = listings.next().await {
            self.schedule(&repository, start, result.as_ref().err());
            let tags = result
                .as_ref()
                .map(|listing| listing.images.len())
                .map_err(ToString::to_string);
            let changed = self.state.record(&repository, Scan { result, at: start });
            match &tags {
                Err(error) if changed => tracing::warn!(%repository, %error, "scan failed"),
                Err(error) => tracing::debug!(%repository, %error, "scan failed again"),
                Ok(tags) if changed => tracing::debug!(%repository, tags, "tags changed"),
                Ok(tags) => tracing::trace!(%repository, tags, "scanned"),
            }
            report.scanned.push(RepositoryScan { repository, tags });
            let changed = read_platforms(&*self.registry, &self.state, false).await || changed;
            let now = Instant::now();
            untold = untold.or(changed.then_some(now));
            if untold.is_some_and(|since| now.duration_since(since) >= GATHER) {
                untold = None;
                (self.changed)();
            }
        }
        drop(listings);
        if untold.is_some() {
            (self.changed)();
        }
        let (repositories, tags) = self.state.totals();
        self.metrics.scanned(repositories, tags);
        report.scanned.sort_by(|a, b| a.repository.cmp(&b.repository));
        let next = self
            .due
            .values()
            .min()
            .map_or(IDLE, |due| due.saturating_duration_since(Instant::now()));
        let retry = (!self.state.unread_images(true).is_empty()).then_some(PLATFORM_RETRY);
        Outcome::Again(report, retry.map_or(next, |retry| next.min(retry)))
    }

    fn timed_out(&self, _: Duration) -> ScanReport {
        ScanReport::default()
    }
}

/// The repositories that a pass has still to list.
struct Sweep {
    rest: VecDeque<Repository>,
    ahead: BTreeSet<Repository>,
    state: Arc<ScanState>,
    rules: Arc<ScanRules>,
}

impl Sweep {
    /// What somebody asks for meanwhile comes first: a sweep of a thousand repositories takes minutes. It stays asked for,
    /// so that the next pass, which is the asker's, lists it again and answers.
    fn next(&mut self) -> Option<Repository> {
        let asked = self.state.requested().into_iter();
        let mut asked = asked.filter(|repository| self.rules.allows(repository).is_ok());
        if let Some(repository) = asked.find(|repository| !self.ahead.contains(repository)) {
            self.ahead.insert(repository.clone());
            self.rest.retain(|other| *other != repository);
            return Some(repository);
        }
        self.rest.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::Listing;
    use std::sync::Mutex;

    /// Takes a second for each listing, and notes what was asked and when.
    #[derive(Default)]
    struct Slow {
        asked: Mutex<Vec<(String, Instant)>>,
    }

    impl Registry for Slow {
        async fn list(&self, repository: &Repository) -> Result<Listing, ListFailure> {
            let now = Instant::now();
            self.asked.lock().unwrap().push((repository.path.clone(), now));
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(Listing {
                repository: repository.clone(),
                images: Vec::new(),
                requests: 1,
            })
        }
    }

    fn repository(number: usize) -> Repository {
        Repository {
            host: "111122223333.dkr.ecr.eu-west-1.amazonaws.com".to_owned(),
            path: format!("shop/app-{number:03}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_asked_for_during_a_long_sweep_does_not_wait_for_its_end() {
        let (registry, state) = (Arc::new(Slow::default()), Arc::new(ScanState::default()));
        state.set_repositories((0..200).map(repository).collect());
        let mut scanner = Scanner::new(
            Arc::clone(&registry),
            Arc::clone(&state),
            Arc::new(ScanRules::new(Vec::new())),
            Metrics::new(),
            || {},
            || 0.5,
        );
        let start = Instant::now();
        let asks = async {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            assert_eq!(state.request(|known| *known == repository(199)), 1);
        };
        let (outcome, ()) = tokio::join!(scanner.pass(), asks);
        let asked: Vec<_> = registry.asked.lock().unwrap().clone();
        let when = asked.iter().filter(|(path, _)| path.ends_with("199"));
        assert_eq!(
            when.map(|(_, at)| *at - start).collect::<Vec<_>>(),
            [Duration::from_secs(2)]
        );
        assert_eq!(asked.len(), 200);
        assert!(matches!(outcome, Outcome::Again(report, _) if report.scanned.len() == 200));
        let outcome = scanner.pass().await;
        assert!(
            matches!(&outcome, Outcome::Again(report, _) if report.scanned.iter().any(|scan| scan.repository == repository(199))),
            "who asked is answered: {outcome:?}"
        );
    }
}
