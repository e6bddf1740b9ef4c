use super::loop_status::{LastPass, LoopStatus, PassResult};
use jiff::Timestamp;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Wakes one loop. The caller may wait for the pass that the wake-up caused.
#[derive(Debug)]
pub struct Activator<R> {
    requests: watch::Sender<u64>,
    status: watch::Receiver<LoopStatus<R>>,
}

impl<R> Clone for Activator<R> {
    fn clone(&self) -> Self {
        Self {
            requests: self.requests.clone(),
            status: self.status.clone(),
        }
    }
}

/// Why no finished pass answered the wake-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The pass did not end in time. It continues.
    #[error("the pass did not end in time; it continues in the agent, and the agent's log shows how it ends")]
    TimedOut,
    /// The loop has ended, because the agent is shutting down.
    #[error("the agent is shutting down")]
    Ended,
}

/// The loop's side of an activator: receives wake-ups and sends answers.
#[derive(Debug)]
pub(super) struct WakeReceiver<R> {
    requests: watch::Receiver<u64>,
    status: watch::Sender<LoopStatus<R>>,
    /// The newest request that the running pass answers.
    taken: u64,
    started: (Timestamp, Instant),
}

pub(super) fn channel<R>() -> (Activator<R>, WakeReceiver<R>) {
    let (requests, received) = watch::channel(0);
    let (status, status_seen) = watch::channel(LoopStatus::default());
    (
        Activator {
            requests,
            status: status_seen,
        },
        WakeReceiver {
            requests: received,
            status,
            taken: 0,
            started: (Timestamp::now(), Instant::now()),
        },
    )
}

impl<R: Clone + Send + Sync> Activator<R> {
    /// Requests a pass that begins after this call.
    pub fn activate(&self) {
        self.request();
    }

    fn request(&self) -> u64 {
        let mut number = 0;
        self.requests.send_modify(|requests| {
            *requests += 1;
            number = *requests;
        });
        number
    }

    /// Requests a pass that begins after this call, and waits until that pass has ended.
    ///
    /// # Errors
    /// [`NoAnswer::TimedOut`] after `deadline`, [`NoAnswer::Ended`] when the loop has ended.
    pub async fn activate_and_wait(&self, deadline: Duration) -> Result<R, NoAnswer> {
        let number = self.request();
        let mut status = self.status.clone();
        let answered = status.wait_for(|status| status.answered >= number);
        let status = tokio::time::timeout(deadline, answered)
            .await
            .map_err(|_| NoAnswer::TimedOut)?
            .map_err(|_| NoAnswer::Ended)?;
        let last = status.last.as_ref();
        last.map(|pass| pass.report.clone()).ok_or(NoAnswer::Ended)
    }
}

impl<R> Activator<R> {
    /// What the loop publishes about itself.
    pub fn status(&self) -> watch::Receiver<LoopStatus<R>> {
        self.status.clone()
    }
}

impl<R> WakeReceiver<R> {
    /// Returns when a pass was requested that has not begun.
    pub(super) async fn wait(&mut self) {
        let taken = self.taken;
        if self.requests.wait_for(|requests| *requests > taken).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// A pass begins. It answers all requests so far.
    pub(super) fn begin(&mut self) {
        self.taken = *self.requests.borrow_and_update();
        self.started = (Timestamp::now(), Instant::now());
        self.status.send_modify(|status| status.running = true);
    }

    /// The pass has ended. Returns how long it took.
    pub(super) fn answer(&self, result: PassResult, report: R) -> Duration {
        let (started, since) = self.started;
        let took = since.elapsed();
        self.status.send_modify(|status| {
            status.running = false;
            status.passes += 1;
            status.answered = self.taken;
            status.last = Some(LastPass {
                started,
                took,
                result,
                report,
            });
        });
        took
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wake_up_during_a_pass_is_not_answered_by_that_pass() {
        let (activator, mut wakes) = channel::<&str>();
        activator.activate();
        wakes.wait().await;
        wakes.begin();
        let second = tokio::spawn({
            let activator = activator.clone();
            async move { activator.activate_and_wait(Duration::from_secs(5)).await }
        });
        wakes.wait().await;
        wakes.answer(PassResult::Ok, "first");
        wakes.begin();
        wakes.answer(PassResult::Ok, "second");
        assert_eq!(second.await.unwrap(), Ok("second"));
    }

    #[tokio::test]
    async fn many_wake_ups_become_one_pass() {
        let (activator, mut wakes) = channel::<()>();
        for _ in 0..100 {
            activator.activate();
        }
        wakes.wait().await;
        wakes.begin();
        assert!(
            tokio::time::timeout(Duration::from_millis(20), wakes.wait())
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn a_waiter_for_an_ended_loop_gets_an_error() {
        let (activator, wakes) = channel::<()>();
        drop(wakes);
        assert_eq!(
            activator.activate_and_wait(Duration::from_secs(5)).await,
            Err(NoAnswer::Ended)
        );
    }
}
