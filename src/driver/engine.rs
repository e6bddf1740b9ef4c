use super::activator::{self, Activator, WakeReceiver};
use super::{Backoff, Health, Liveness, Shutdown};
use std::future::Future;
use std::time::{Duration, Instant};

/// One loop's work: look, decide, act, report. Idempotent, and never run twice at once.
pub trait Pass: Send + 'static {
    /// What a pass tells those who waited for it.
    type Report: Clone + Send + Sync + 'static;

    /// Runs once.
    fn pass(&mut self) -> impl Future<Output = Outcome<Self::Report>> + Send;

    /// The report of a pass that was cut at its deadline.
    fn timed_out(&self, deadline: Duration) -> Self::Report;
}

/// How a pass ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<R> {
    /// Nothing more to do until the period is over or somebody wakes the loop.
    Done(R),
    /// Not all went well: try again after the growing delay (at most the period).
    Retry(R),
    /// Something is due at a known time: run again after this long, earlier if woken or the period is over.
    Again(R, Duration),
}

/// How a loop runs.
#[derive(Debug)]
pub struct Loop<R> {
    name: &'static str,
    period: Duration,
    deadline: Duration,
    wakes: WakeReceiver<R>,
    liveness: Liveness,
}

impl<R: Clone + Send + Sync + 'static> Loop<R> {
    /// A loop that runs at least every `period`; a pass is cut at `deadline`, and counts as stuck at twice that.
    pub fn new(name: &'static str, period: Duration, deadline: Duration, health: &Health) -> (Self, Activator<R>) {
        let (activator, wakes) = activator::channel();
        (
            Self {
                name,
                period,
                deadline,
                wakes,
                liveness: health.liveness(name, deadline * 2),
            },
            activator,
        )
    }
}

/// The first delay after a failed pass: long enough not to hammer, short enough that a blip is over in a moment.
const FIRST_RETRY: Duration = Duration::from_millis(500);
/// The longest delay after failed passes, also where the period is longer: recovery is seen within a minute.
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// Runs a loop until the drain begins, its first pass at once. `jitter` gives a number in `0.0..=1.0` for each delay;
/// `ended` sees each pass's length and whether it went well.
pub async fn run<P: Pass>(
    mut this: Loop<P::Report>,
    mut work: P,
    shutdown: Shutdown,
    jitter: impl Fn() -> f64 + Send,
    ended: impl Fn(&'static str, bool, Duration) + Send,
) {
    let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY.min(this.period));
    loop {
        this.wakes.begin();
        let start = Instant::now();
        this.liveness.begin(start);
        let outcome = match tokio::time::timeout(this.deadline, work.pass()).await {
            Ok(outcome) => outcome,
            Err(_) => {
                tracing::warn!(
                    loop_name = this.name,
                    deadline_seconds = this.deadline.as_secs(),
                    "pass cut at its deadline"
                );
                Outcome::Retry(work.timed_out(this.deadline))
            }
        };
        this.liveness.end();
        let (report, delay, well) = match outcome {
            Outcome::Done(report) => (report, this.period, true),
            Outcome::Again(report, delay) => (report, delay.min(this.period), true),
            Outcome::Retry(report) => (report, backoff.failed(jitter()), false),
        };
        if well {
            backoff.succeeded();
        }
        ended(this.name, well, start.elapsed());
        this.wakes.answer(report);
        tokio::select! {
            biased;
            () = shutdown.begun() => return,
            () = this.wakes.wait() => {}
            () = tokio::time::sleep(delay) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    struct Counting {
        passes: Arc<AtomicU32>,
        outcome: fn(u32) -> Outcome<u32>,
    }

    impl Pass for Counting {
        type Report = u32;

        async fn pass(&mut self) -> Outcome<u32> {
            let number = self.passes.fetch_add(1, Ordering::SeqCst) + 1;
            (self.outcome)(number)
        }

        fn timed_out(&self, _: Duration) -> u32 {
            0
        }
    }

    fn start(period: u64, outcome: fn(u32) -> Outcome<u32>) -> (Arc<AtomicU32>, Activator<u32>, Shutdown) {
        let passes = Arc::new(AtomicU32::new(0));
        let shutdown = Shutdown::default();
        let health = Health::default();
        let (this, activator) = Loop::new("test", Duration::from_secs(period), Duration::from_secs(5), &health);
        tokio::spawn(run(
            this,
            Counting {
                passes: passes.clone(),
                outcome,
            },
            shutdown.clone(),
            || 0.0,
            |_, _, _| {},
        ));
        (passes, activator, shutdown)
    }

    #[tokio::test(start_paused = true)]
    async fn runs_at_once_and_then_by_period() {
        let (passes, _activator, _shutdown) = start(10, Outcome::Done);
        tokio::time::sleep(Duration::from_secs(35)).await;
        assert_eq!(passes.load(Ordering::SeqCst), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_pass_is_tried_again_sooner_each_time_later() {
        let (passes, _activator, _shutdown) = start(3600, |n| if n < 4 { Outcome::Retry(n) } else { Outcome::Done(n) });
        tokio::time::sleep(Duration::from_millis(500 + 1000 + 2000 + 10)).await;
        assert_eq!(passes.load(Ordering::SeqCst), 4);
        tokio::time::sleep(Duration::from_secs(3000)).await;
        assert_eq!(passes.load(Ordering::SeqCst), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_gets_the_report_of_a_pass_that_began_after_it_asked() {
        let (_passes, activator, _shutdown) = start(3600, Outcome::Done);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(activator.activate_and_wait(Duration::from_secs(5)).await, Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_drain_begins_no_pass_begins() {
        let (passes, activator, shutdown) = start(1, Outcome::Done);
        tokio::time::sleep(Duration::from_millis(1500)).await;
        shutdown.begin();
        assert_eq!(
            activator.activate_and_wait(Duration::from_secs(60)).await,
            Err(super::super::NoAnswer::Ended)
        );
        assert_eq!(passes.load(Ordering::SeqCst), 2);
    }
}
