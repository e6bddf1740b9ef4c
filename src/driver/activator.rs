use std::time::Duration;
use tokio::sync::watch;

/// WakeReceiver one loop, and can wait for the pass that the wake-up caused.
#[derive(Debug)]
pub struct Activator<R> {
    wanted: watch::Sender<u64>,
    answered: watch::Receiver<Option<Answer<R>>>,
}

impl<R> Clone for Activator<R> {
    fn clone(&self) -> Self {
        Self {
            wanted: self.wanted.clone(),
            answered: self.answered.clone(),
        }
    }
}

/// The wake-up was not answered by a finished pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The pass did not end in time; it goes on.
    #[error("the pass did not end in time; it goes on in the agent, whose log tells how it ends")]
    Late,
    /// The loop has ended: the agent is shutting down.
    #[error("the agent is shutting down")]
    Ended,
}

#[derive(Debug, Clone)]
pub(super) struct Answer<R> {
    number: u64,
    report: R,
}

/// The loop's end of an activator.
#[derive(Debug)]
pub(super) struct WakeReceiver<R> {
    wanted: watch::Receiver<u64>,
    answered: watch::Sender<Option<Answer<R>>>,
    taken: u64,
}

pub(super) fn channel<R>() -> (Activator<R>, WakeReceiver<R>) {
    let (wanted, wanted_seen) = watch::channel(0);
    let (answered, answered_seen) = watch::channel(None);
    (
        Activator {
            wanted,
            answered: answered_seen,
        },
        WakeReceiver {
            wanted: wanted_seen,
            answered,
            taken: 0,
        },
    )
}

impl<R: Clone + Send + Sync> Activator<R> {
    /// Asks for a pass that begins after this call.
    pub fn activate(&self) {
        self.ask();
    }

    fn ask(&self) -> u64 {
        let mut number = 0;
        self.wanted.send_modify(|wanted| {
            *wanted += 1;
            number = *wanted;
        });
        number
    }

    /// Asks for a pass that begins after this call, and waits until it has ended.
    ///
    /// # Errors
    /// [`NoAnswer::Late`] after `deadline`, [`NoAnswer::Ended`] when the loop is gone.
    pub async fn activate_and_wait(&self, deadline: Duration) -> Result<R, NoAnswer> {
        let number = self.ask();
        let mut answered = self.answered.clone();
        let found = tokio::time::timeout(
            deadline,
            answered.wait_for(|answer| answer.as_ref().is_some_and(|answer| answer.number >= number)),
        )
        .await
        .map_err(|_| NoAnswer::Late)?
        .map_err(|_| NoAnswer::Ended)?;
        found
            .as_ref()
            .map(|answer| answer.report.clone())
            .ok_or(NoAnswer::Ended)
    }
}

impl<R> WakeReceiver<R> {
    /// Returns when somebody has asked for a pass that has not begun.
    pub(super) async fn wait(&mut self) {
        let taken = self.taken;
        if self.wanted.wait_for(|wanted| *wanted > taken).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// A pass begins: it answers everything asked for so far.
    pub(super) fn begin(&mut self) {
        self.taken = *self.wanted.borrow_and_update();
    }

    pub(super) fn answer(&self, report: R) {
        self.answered.send_replace(Some(Answer {
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
    async fn an_ended_loop_is_told() {
        let (activator, wakes) = channel::<()>();
        drop(wakes);
        assert_eq!(
            activator.activate_and_wait(Duration::from_secs(5)).await,
            Err(NoAnswer::Ended)
        );
    }
}
