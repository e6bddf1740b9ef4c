use super::read_platforms::read_platforms;
use super::timetable::Timetable;
use crate::driver::{Outcome, Pass};
use crate::model::{Backoff, Repository};
use crate::notice::{Reporter, ScanEvent, Topic};
use crate::policy::ScanRules;
use crate::port::{ListFailure, Listing, Registry, Scan, ScanState};
use crate::telemetry::Metrics;
use futures::StreamExt;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What a pass of the scan loop did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanReport {
    /// The repositories that the pass scanned.
    pub scanned: Vec<RepositoryScan>,
}

/// The scan of one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryScan {
    /// The scanned repository.
    pub repository: Repository,
    /// The number of its tags, or why they could not be read.
    pub tags: Result<usize, String>,
}

/// The work of the scan loop.
pub struct Scanner<R, F, J> {
    registry: Arc<R>,
    state: Arc<ScanState>,
    rules: Arc<ScanRules>,
    timetable: Timetable,
    failing: BTreeMap<Repository, Backoff>,
    metrics: Metrics,
    reporter: Reporter,
    changed: F,
    jitter: J,
}

/// Listings in flight. `registry` keeps each registry to its rate; this limit bounds memory and connections.
const IN_FLIGHT: usize = 8;

/// The first and the longest wait before a failing repository is scanned again.
const FIRST_RETRY: Duration = Duration::from_secs(2);
const LONGEST_RETRY: Duration = Duration::from_secs(600);

/// The wait of a loop without a scheduled scan. A loop that needs a scan wakes this one.
const IDLE: Duration = Duration::from_secs(3600);

/// The wait before a failed request for platforms is repeated.
const PLATFORM_RETRY: Duration = Duration::from_secs(30);

/// Changes that a pass finds within this time wake the automation loop once, so that images that were pushed together share
/// a commit. A pass over one repository wakes the loop at once.
const GATHER: Duration = Duration::from_secs(1);

/// The period of a repository that is scanned only on request: by a cron window or a command.
const NEVER: Duration = Duration::from_secs(365 * 86_400);

impl<R: Registry, F: Fn() + Send, J: Fn() -> f64 + Send> Scanner<R, F, J> {
    /// A scanner for the repositories in `state`. It calls `changed` when the automation loop must decide again. `jitter`
    /// returns a number in `0.0..=1.0`.
    pub fn new(
        registry: Arc<R>,
        state: Arc<ScanState>,
        rules: Arc<ScanRules>,
        metrics: Metrics,
        reporter: Reporter,
        changed: F,
        jitter: J,
    ) -> Self {
        Self {
            registry,
            state,
            rules,
            metrics,
            reporter,
            timetable: Timetable::default(),
            failing: BTreeMap::new(),
            changed,
            jitter,
        }
    }

    /// The repositories to scan in this pass. Requested repositories come first.
    fn take_due(&mut self, now: Instant) -> VecDeque<Repository> {
        let repositories = self.state.repositories();
        let requested = self.state.take_requested();
        let may_be_scanned = |repository: &Repository| self.rules.allows(repository).is_ok();
        if self.timetable.set_repositories(&repositories, now, may_be_scanned) {
            let is_gone = |repository: &Repository, _: &mut Backoff| !repositories.contains(repository);
            for (repository, _) in self.failing.extract_if(.., is_gone) {
                self.reporter.present(Topic::Scan(repository), None::<ScanEvent>);
            }
        }
        let due = self
            .timetable
            .due(now)
            .filter(|repository| !requested.contains(*repository));
        let first = requested
            .iter()
            .filter(|repository| self.timetable.contains(repository));
        first.chain(due).cloned().collect()
    }

    /// Schedules the next scan: after the period, with a jitter of a tenth, or later while the repository fails.
    fn schedule(&mut self, repository: &Repository, start: Instant, failure: Option<&ListFailure>) {
        let period = self
            .rules
            .every(repository)
            .unwrap_or(NEVER)
            .mul_f64(0.9 + (self.jitter)() / 5.0);
        let wait = match failure {
            None => {
                self.failing.remove(repository);
                period
            }
            Some(failure) => {
                let backoff = self.failing.entry(repository.clone());
                let delay = backoff
                    .or_insert_with(|| Backoff::new(FIRST_RETRY, LONGEST_RETRY))
                    .failed();
                match failure {
                    ListFailure::NotFound { .. } | ListFailure::Denied { .. } | ListFailure::Unsupported { .. } => {
                        period.max(delay)
                    }
                    ListFailure::Throttled { after: Some(after), .. } => delay.max(*after).min(LONGEST_RETRY),
                    ListFailure::Throttled { .. } | ListFailure::Failed { .. } => delay,
                }
            }
        };
        self.timetable.schedule(repository, start + wait);
    }

    /// Schedules the next scan, and records and reports this one. Returns what the report says about it, and whether the
    /// automation loop must decide again.
    fn record(
        &mut self,
        repository: Repository,
        start: Instant,
        result: Result<Arc<Listing>, ListFailure>,
    ) -> (RepositoryScan, bool) {
        self.schedule(&repository, start, result.as_ref().err());
        let tags = result
            .as_ref()
            .map(|listing| listing.images.len())
            .map_err(ToString::to_string);
        let changed = self.state.record(&repository, Scan { result });
        let failed = tags.as_ref().err().map(|error| ScanEvent::Failed {
            repository: repository.clone(),
            error: error.clone(),
        });
        self.reporter.present(Topic::Scan(repository.clone()), failed);
        match &tags {
            Ok(tags) if changed => tracing::debug!(%repository, tags, "tags changed"),
            Ok(tags) => tracing::trace!(%repository, tags, "scanned"),
            Err(_) => {}
        }
        (RepositoryScan { repository, tags }, changed)
    }

    /// The wait before the next pass.
    fn next_pass(&self) -> Duration {
        let next = self.timetable.next();
        let scan = next.map_or(IDLE, |next| next.saturating_duration_since(Instant::now()));
        let has_unread = !self.state.unread_images(true).is_empty();
        if has_unread { scan.min(PLATFORM_RETRY) } else { scan }
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
        let mut queue = Queue {
            rest: self.take_due(Instant::now()),
            taken: BTreeSet::new(),
            state: Arc::clone(&self.state),
            rules: Arc::clone(&self.rules),
        };
        let mut report = ScanReport::default();
        let (registry, state) = (Arc::clone(&self.registry), Arc::clone(&self.state));
        let changed = read_platforms(&*registry, &self.state, &self.reporter, true).await;
        let mut unreported = changed.then(Instant::now);
        let mut listings = futures::stream::iter(std::iter::from_fn(|| queue.next()))
            .map(|repository| {
                let (registry, state) = (Arc::clone(&registry), Arc::clone(&state));
                async move {
                    let start = Instant::now();
                    let before = state.listing_before(&repository);
                    let result = registry.list_again(&repository, before).await;
                    (repository, start, result)
                }
            })
            .buffer_unordered(IN_FLIGHT);
        while let Some((repository, start, result)) = listings.next().await {
            let (scan, changed) = self.record(repository, start, result);
            report.scanned.push(scan);
            let changed = read_platforms(&*self.registry, &self.state, &self.reporter, false).await || changed;
            let now = Instant::now();
            unreported = unreported.or(changed.then_some(now));
            if unreported.is_some_and(|since| now.duration_since(since) >= GATHER) {
                unreported = None;
                (self.changed)();
            }
        }
        drop(listings);
        if unreported.is_some() {
            (self.changed)();
        }
        let (repositories, tags) = self.state.totals();
        self.metrics.scanned(repositories, tags);
        report.scanned.sort_by(|a, b| a.repository.cmp(&b.repository));
        Outcome::Again(report, self.next_pass())
    }

    fn timed_out(&self, _: Duration) -> ScanReport {
        ScanReport::default()
    }
}

/// The repositories that the pass has still to list.
struct Queue {
    rest: VecDeque<Repository>,
    taken: BTreeSet<Repository>,
    state: Arc<ScanState>,
    rules: Arc<ScanRules>,
}

impl Queue {
    /// The next repository. One that was requested during the pass comes first: a pass over a thousand repositories takes
    /// minutes. The request stays, so that the next pass, whose report goes to the requester, lists the repository again.
    fn next(&mut self) -> Option<Repository> {
        let requested = self
            .state
            .requested()
            .into_iter()
            .filter(|repository| self.rules.allows(repository).is_ok())
            .find(|repository| !self.taken.contains(repository));
        if let Some(repository) = requested {
            self.taken.insert(repository.clone());
            self.rest.retain(|other| *other != repository);
            return Some(repository);
        }
        self.rest.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::{Event, Notice, Phase, Sink};
    use crate::port::TagList;
    use std::sync::Mutex;

    /// A registry that takes a second for each listing, and records which repository was listed when.
    #[derive(Default)]
    struct Slow {
        listed: Mutex<Vec<(String, Instant)>>,
    }

    impl Registry for Slow {
        async fn list(&self, repository: &Repository) -> Result<Listing, ListFailure> {
            let now = Instant::now();
            self.listed.lock().unwrap().push((repository.path.clone(), now));
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(Listing {
                repository: repository.clone(),
                images: TagList::default(),
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
    async fn a_repository_requested_during_a_long_pass_does_not_wait_for_its_end() {
        let (registry, state) = (Arc::new(Slow::default()), Arc::new(ScanState::default()));
        state.set_repositories(Arc::new((0..200).map(repository).collect()));
        let mut scanner = Scanner::new(
            Arc::clone(&registry),
            Arc::clone(&state),
            Arc::new(ScanRules::new(Vec::new())),
            Metrics::new(),
            Reporter::new(Vec::new()),
            || {},
            || 0.5,
        );
        let start = Instant::now();
        let request = async {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            assert_eq!(state.request(|known| *known == repository(199)), 1);
        };
        let (outcome, ()) = tokio::join!(scanner.pass(), request);
        let listed: Vec<_> = registry.listed.lock().unwrap().clone();
        let when = listed.iter().filter(|(path, _)| path.ends_with("199"));
        assert_eq!(
            when.map(|(_, at)| *at - start).collect::<Vec<_>>(),
            [Duration::from_secs(2)]
        );
        assert_eq!(listed.len(), 200);
        assert!(matches!(outcome, Outcome::Again(report, _) if report.scanned.len() == 200));
        let outcome = scanner.pass().await;
        assert!(
            matches!(&outcome, Outcome::Again(report, _) if report.scanned.iter().any(|scan| scan.repository == repository(199))),
            "the report goes to the requester: {outcome:?}"
        );
    }

    /// A registry that lists nothing and gives these failures first, the last one first.
    struct Failing(Mutex<Vec<&'static str>>);

    impl Registry for Failing {
        async fn list(&self, repository: &Repository) -> Result<Listing, ListFailure> {
            match self.0.lock().unwrap().pop() {
                Some(message) => Err(ListFailure::Failed {
                    message: message.to_owned(),
                }),
                None => Ok(Listing {
                    repository: repository.clone(),
                    images: TagList::default(),
                    requests: 1,
                }),
            }
        }
    }

    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<Phase>>>);

    impl Sink for Heard {
        fn receive(&self, notice: Notice<'_>) {
            assert!(matches!(notice.event, Event::Scan(ScanEvent::Failed { .. })));
            self.0.lock().unwrap().push(notice.phase);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_sink_hears_of_a_scan_that_fails_and_of_the_end() {
        let (state, heard) = (Arc::new(ScanState::default()), Heard::default());
        state.set_repositories(Arc::new([repository(1)].into()));
        let mut scanner = Scanner::new(
            Arc::new(Failing(Mutex::new(vec!["throttled", "no route", "no route"]))),
            Arc::clone(&state),
            Arc::new(ScanRules::new(Vec::new())),
            Metrics::new(),
            Reporter::new(vec![Box::new(heard.clone())]),
            || {},
            || 0.5,
        );
        for _ in 0..4 {
            state.request(|_| true);
            scanner.pass().await;
        }
        let phases = [Phase::New, Phase::Still, Phase::Changed, Phase::Over];
        assert_eq!(*heard.0.lock().unwrap(), phases);
    }
}
