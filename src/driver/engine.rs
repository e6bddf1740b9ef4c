use super::activator::{self, Activator, WakeReceiver};
use super::health::{Health, Liveness};
use super::loop_status::PassResult;
use super::signals::Shutdown;
use crate::model::Backoff;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The work of one loop: observe, decide, act, report. A pass is idempotent, and two passes of a loop never overlap.
pub trait Pass: Send + 'static {
    /// What a pass reports to the callers that wait for it.
    type Report: Clone + Send + Sync + 'static;

    /// Runs one pass.
    fn pass(&mut self) -> impl Future<Output = Outcome<Self::Report>> + Send;

    /// The report of a pass that was cancelled at its deadline.
    fn timed_out(&self, deadline: Duration) -> Self::Report;

    /// Whether the pass did a part of its work only, whatever is due next.
    fn is_partial(_: &Self::Report) -> bool {
        false
    }
}

/// How a pass ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<R> {
    /// All is done. The next pass runs after the period, or at a wake-up.
    Done(R),
    /// Something failed. The next pass runs after a growing delay, at most the period.
    Retry(R),
    /// All is done, and more is due after this delay. A wake-up or the end of the period starts the pass earlier.
    Again(R, Duration),
}

/// A loop before it runs: its name, period and deadline.
#[derive(Debug)]
pub struct Loop<R> {
    name: Arc<str>,
    period: Duration,
    deadline: Duration,
    wakes: WakeReceiver<R>,
    liveness: Liveness,
}

impl<R: Clone + Send + Sync + 'static> Loop<R> {
    /// A loop that runs at least every `period`. A pass is cancelled at `deadline`, and counts as stuck [`CANCELLING`] later.
    pub fn new(
        name: impl Into<Arc<str>>,
        period: Duration,
        deadline: Duration,
        health: &Health,
    ) -> (Self, Activator<R>) {
        let name = name.into();
        let (activator, wakes) = activator::channel();
        (
            Self {
                liveness: health.liveness(Arc::clone(&name), deadline + CANCELLING),
                name,
                period,
                deadline,
                wakes,
            },
            activator,
        )
    }

    /// The name in health and metrics.
    pub fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }
}

/// A pass that is cancelled ends at its next wait, which comes within milliseconds. A pass that still runs after this time blocks
/// its thread.
const CANCELLING: Duration = Duration::from_secs(60);

/// The first delay after a failed pass. It is long enough to spare the server, and short enough that a brief fault does not
/// matter.
const FIRST_RETRY: Duration = Duration::from_millis(500);
/// The longest delay after failed passes, even where the period is longer: the loop notices a recovery within a minute.
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// Runs a loop until the drain begins. The first pass runs at once. `jitter` returns a number in `0.0..=1.0` for each delay.
/// `ended` is called after each pass, with its result and its duration.
pub async fn run<P: Pass>(
    mut this: Loop<P::Report>,
    mut work: P,
    shutdown: Shutdown,
    jitter: impl Fn() -> f64 + Send,
    ended: impl Fn(&Arc<str>, PassResult, Duration) + Send,
) {
    let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY.min(this.period));
    loop {
        this.wakes.begin();
        this.liveness.begin(Instant::now());
        let mut timed_out = false;
        let outcome = match tokio::time::timeout(this.deadline, work.pass()).await {
            Ok(outcome) => outcome,
            Err(_) => {
                tracing::warn!(
                    loop_name = %this.name,
                    deadline_seconds = this.deadline.as_secs(),
                    "pass cancelled at its deadline"
                );
                timed_out = true;
                Outcome::Retry(work.timed_out(this.deadline))
            }
        };
        let (report, delay, success) = match outcome {
            Outcome::Done(report) => (report, this.period, true),
            Outcome::Again(report, delay) => (report, delay.min(this.period), true),
            Outcome::Retry(report) => (report, backoff.failed_with_jitter(jitter()), false),
        };
        if success {
            backoff.succeeded();
        }
        let result = match (success, timed_out) {
            (false, true) => PassResult::TimedOut,
            _ if P::is_partial(&report) => PassResult::Partial,
            (true, _) => PassResult::Ok,
            (false, false) => PassResult::Failed,
        };
        this.liveness.end(result);
        let took = this.wakes.answer(result, report);
        ended(&this.name, result, took);
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
    async fn a_failed_pass_is_retried_after_a_growing_delay() {
        let (passes, _activator, _shutdown) = start(3600, |n| if n < 4 { Outcome::Retry(n) } else { Outcome::Done(n) });
        tokio::time::sleep(Duration::from_millis(500 + 1000 + 2000 + 10)).await;
        assert_eq!(passes.load(Ordering::SeqCst), 4);
        tokio::time::sleep(Duration::from_secs(3000)).await;
        assert_eq!(passes.load(Ordering::SeqCst), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_gets_the_report_of_a_pass_that_began_after_its_request() {
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
            Err(crate::driver::NoAnswer::Ended)
        );
        assert_eq!(passes.load(Ordering::SeqCst), 2);
    }
}
