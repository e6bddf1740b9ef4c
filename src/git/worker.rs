//! A thread that owns something, such as a handle of the mirror, and works through a queue of jobs. The thread is under watch:
//! whether it makes progress, and whether it has panicked.

use super::budget::Budget;
use super::error::Error;
use super::lock::locked;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// Trees are as deep as a path is long.
const STACK: usize = 16 << 20;
/// Each loop asks for one thing at a time. If more callers wait than this, they wait to be queued.
const QUEUE: usize = 32;
/// How often a waiting caller looks at whether the thread still makes progress.
const LOOK: Duration = Duration::from_secs(1);

/// The queue of a thread that owns an `O`, and what is known of the thread. Cheap to clone.
pub(crate) struct Worker<O> {
    jobs: mpsc::Sender<Job<O>>,
    watch: Arc<Watch>,
}

impl<O> Clone for Worker<O> {
    fn clone(&self) -> Self {
        Self {
            jobs: self.jobs.clone(),
            watch: Arc::clone(&self.watch),
        }
    }
}

/// How long a thread may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For one job as a whole.
    pub job: Duration,
    /// Without progress: longer than the longest wait for the network, and than any call of libgit2 that reports none.
    pub progress: Duration,
}

struct Job<O> {
    abandoned: Arc<AtomicBool>,
    work: Work<O>,
}

type Work<O> = Box<dyn FnOnce(&mut O, Arc<Budget>) + Send>;

/// What is known of the thread.
struct Watch {
    name: String,
    patience: Patience,
    /// When the running job has made progress; `None` between two jobs.
    progress: Mutex<Option<Instant>>,
    /// Why the thread has ended before its time.
    failure: watch::Sender<Option<String>>,
}

/// Ends the job of a caller that has gone.
struct Abandon(Arc<AtomicBool>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<O: Send + 'static> Worker<O> {
    /// Starts the thread.
    ///
    /// # Errors
    /// The thread does not start.
    pub(crate) fn start(name: &str, patience: Patience, mut owned: O) -> Result<Self, Error> {
        let (sender, mut jobs) = mpsc::channel::<Job<O>>(QUEUE);
        let watch = Arc::new(Watch {
            name: name.to_owned(),
            patience,
            progress: Mutex::default(),
            failure: watch::Sender::new(None),
        });
        let of_thread = Arc::clone(&watch);
        let work = move || {
            while let Some(Job { abandoned, work }) = jobs.blocking_recv() {
                let budget = of_thread.budget(abandoned);
                let ended = catch_unwind(AssertUnwindSafe(|| work(&mut owned, budget)));
                of_thread.set_progress(None);
                if let Err(panic) = ended {
                    of_thread.fail(panic.as_ref());
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK);
        thread.spawn(work).map_err(Error::Thread)?;
        Ok(Self { jobs: sender, watch })
    }

    /// Runs `work` on the thread. If the caller has gone before its turn, the work is skipped; if the caller goes later, the work
    /// ends at its next step.
    ///
    /// # Errors
    /// The work has failed, the thread has ended, or the thread makes no progress.
    pub(crate) async fn ask<T: Send + 'static, E: Send + 'static>(
        &self,
        work: impl FnOnce(&mut O, Arc<Budget>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Error>
    where
        Error: From<E>,
    {
        let (answer, answered) = oneshot::channel();
        let abandon = Abandon(Arc::default());
        let job = Job {
            abandoned: Arc::clone(&abandon.0),
            work: Box::new(move |owned, budget| {
                if !answer.is_closed() {
                    let _ = answer.send(work(owned, budget));
                }
            }),
        };
        let done = async {
            self.jobs.send(job).await.map_err(|_| self.watch.ended())?;
            Ok(answered.await.map_err(|_| self.watch.ended())??)
        };
        tokio::select! {
            biased;
            done = done => done,
            reason = self.watch.is_stuck() => Err(Error::Stuck { reason }),
        }
    }

    /// Why the thread counts as stuck at `now`; `None` if it does not.
    pub(crate) fn stuck(&self, now: Instant) -> Option<String> {
        self.watch.stuck(now)
    }

    /// Returns when the thread has ended before its time, with the reason.
    pub(crate) async fn failed(&self) -> String {
        let mut failure = self.watch.failure.subscribe();
        let failed = failure.wait_for(Option::is_some).await;
        failed.ok().and_then(|reason| reason.clone()).unwrap_or_default()
    }
}

impl Watch {
    fn budget(self: &Arc<Self>, abandoned: Arc<AtomicBool>) -> Arc<Budget> {
        self.set_progress(Some(Instant::now()));
        let watch = Arc::clone(self);
        let progressed = move |now| watch.set_progress(Some(now));
        Arc::new(Budget::new(self.patience.job, abandoned, progressed))
    }

    fn set_progress(&self, progress: Option<Instant>) {
        *locked(&self.progress) = progress;
    }

    fn stuck(&self, now: Instant) -> Option<String> {
        let silence = now.saturating_duration_since((*locked(&self.progress))?);
        (silence > self.patience.progress)
            .then(|| format!("{}: it has made no progress for {} s", self.name, silence.as_secs()))
    }

    /// Returns when the thread is stuck.
    async fn is_stuck(&self) -> String {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Some(reason) = self.stuck(Instant::now()) {
                return reason;
            }
        }
    }

    fn ended(&self) -> Error {
        Error::Ended {
            reason: self.failure.borrow().clone().unwrap_or_default(),
        }
    }

    fn fail(&self, panic: &(dyn Any + Send)) {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let text = text.unwrap_or_else(|| "it gave no reason".to_owned());
        let reason = format!("the thread {} panicked: {text}; please report this as a bug", self.name);
        self.failure.send_replace(Some(reason));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::objects::error::Error as ObjectsError;
    use std::sync::mpsc::channel;

    const HOUR: Duration = Duration::from_secs(3600);

    fn worker(job: Duration, progress: Duration) -> Worker<u32> {
        let patience = Patience { job, progress };
        Worker::start("git-test", patience, 7).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A walk through a tree without an end.
    fn endless(budget: &Budget) -> Result<u32, ObjectsError> {
        loop {
            budget.step()?;
        }
    }

    async fn answers(worker: &Worker<u32>) -> bool {
        worker
            .ask(|owned, _| Ok::<_, Error>(*owned))
            .await
            .is_ok_and(|owned| owned == 7)
    }

    #[tokio::test]
    async fn an_endless_walk_ends_at_its_deadline_and_the_thread_goes_on() {
        let worker = worker(Duration::ZERO, HOUR);
        let error = worker.ask(|_, budget| endless(&budget)).await.unwrap_err();
        assert!(error.to_string().contains("took more than 0 s"), "{error}");
        assert!(answers(&worker).await);
    }

    #[tokio::test]
    async fn the_walk_of_a_caller_that_has_gone_ends_and_the_thread_goes_on() {
        let worker = worker(HOUR, HOUR);
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let asked = worker.ask(move |_, budget| {
            let _ = begun.send(());
            endless(&budget)
        });
        tokio::select! {
            _ = asked => panic!("the walk has no end"),
            begun = has_begun => begun.unwrap(),
        }
        assert!(answers(&worker).await);
    }

    #[tokio::test]
    async fn a_thread_that_hangs_is_stuck_until_it_goes_on_and_its_callers_hear_of_it() {
        let worker = worker(HOUR, Duration::ZERO);
        let (release, released) = channel::<()>();
        let hung = worker.clone();
        let hung = tokio::spawn(async move {
            hung.ask(move |owned, _| {
                let _ = released.recv();
                Ok::<_, Error>(*owned)
            })
            .await
        });
        let error = hung.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Stuck { .. }), "{error}");
        let reason = worker.stuck(Instant::now()).unwrap_or_default();
        assert!(reason.starts_with("git-test: it has made no progress for "), "{reason}");
        let error = worker.ask(|owned, _| Ok::<_, Error>(*owned)).await.unwrap_err();
        assert!(matches!(error, Error::Stuck { .. }), "{error}");
        drop(release);
        while worker.stuck(Instant::now()).is_some() {
            tokio::task::yield_now().await;
        }
        assert!(answers(&worker).await);
    }

    #[tokio::test]
    async fn a_long_walk_reports_progress() {
        let worker = worker(HOUR, HOUR);
        let watch = Arc::clone(&worker.watch);
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let asked = worker.ask(move |_, budget| {
            let _ = begun.send(Instant::now());
            endless(&budget)
        });
        let watching = async move {
            let begin = has_begun.await.unwrap();
            while locked(&watch.progress).is_none_or(|progress| progress <= begin) {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = asked => panic!("the walk has no end"),
            () = watching => {}
        }
    }

    #[tokio::test]
    async fn a_panic_ends_the_thread_and_gives_its_reason() {
        let worker = worker(HOUR, HOUR);
        let asked = worker.ask(|owned, _| match owned {
            7 => panic!("a tree without an end"),
            _ => Ok::<(), Error>(()),
        });
        assert!(asked.await.is_err());
        let reason = worker.failed().await;
        assert!(reason.contains("git-test panicked: a tree without an end"), "{reason}");
        let error = worker.ask(|owned, _| Ok::<_, Error>(*owned)).await.unwrap_err();
        assert!(error.to_string().contains("a tree without an end"), "{error}");
    }
}
