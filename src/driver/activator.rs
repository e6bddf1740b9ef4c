use std::time::Duration;
use tokio::sync::watch;

/// Wakes one loop. The caller may wait for the pass that the wake-up caused.
#[derive(Debug)]
pub struct Activator<R> {
    requests: watch::Sender<u64>,
    answers: watch::Receiver<Option<Answer<R>>>,
}

impl<R> Clone for Activator<R> {
    fn clone(&self) -> Self {
        Self {
            requests: self.requests.clone(),
            answers: self.answers.clone(),
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

#[derive(Debug, Clone)]
pub(super) struct Answer<R> {
    number: u64,
    report: R,
}

/// The loop's side of an activator: receives wake-ups and sends answers.
#[derive(Debug)]
pub(super) struct WakeReceiver<R> {
    requests: watch::Receiver<u64>,
    answers: watch::Sender<Option<Answer<R>>>,
    taken: u64,
}

pub(super) fn channel<R>() -> (Activator<R>, WakeReceiver<R>) {
    let (requests, received) = watch::channel(0);
    let (answers, answers_seen) = watch::channel(None);
    (
        Activator {
            requests,
            answers: answers_seen,
        },
        WakeReceiver {
            requests: received,
            answers,
            taken: 0,
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
        let mut answers = self.answers.clone();
        let found = tokio::time::timeout(
            deadline,
            answers.wait_for(|answer| answer.as_ref().is_some_and(|answer| answer.number >= number)),
        )
        .await
        .map_err(|_| NoAnswer::TimedOut)?
        .map_err(|_| NoAnswer::Ended)?;
        found
            .as_ref()
            .map(|answer| answer.report.clone())
            .ok_or(NoAnswer::Ended)
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
    }

    pub(super) fn answer(&self, report: R) {
        self.answers.send_replace(Some(Answer {
            number: self.taken,
            report,
        }));
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
        wakes.answer("first");
        wakes.begin();
        wakes.answer("second");
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
