use std::future::Future;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Signals the drain to every loop: the running pass ends, and no further pass begins.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
}

impl Shutdown {
    /// Begins the drain.
    pub fn begin(&self) {
        self.token.cancel();
    }

    /// Returns once the drain has begun.
    pub async fn begun(&self) {
        self.token.cancelled().await;
    }

    /// Whether the drain has begun.
    pub fn is_begun(&self) -> bool {
        self.token.is_cancelled()
    }
}

/// The first SIGTERM or SIGINT begins the drain. At the second, the future returns, and the caller ends the process.
///
/// # Errors
/// When a signal handler cannot be installed.
pub fn on_signals(shutdown: Shutdown) -> std::io::Result<impl Future<Output = ()> + Send> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        for first in [true, false] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if first {
                tracing::info!("draining: running passes end; a second signal aborts");
                shutdown.begin();
            }
        }
    })
}

/// All tasks of the process. Each task is awaited. A task that ends before the drain ends the process.
#[derive(Debug, Default)]
pub struct Tasks {
    /// The name of each task, and why it has ended if it gives a reason.
    tasks: JoinSet<(Arc<str>, Option<String>)>,
}

impl Tasks {
    /// Starts a task under a name.
    pub fn spawn(&mut self, name: impl Into<Arc<str>>, task: impl Future<Output = ()> + Send + 'static) {
        let name = name.into();
        self.tasks.spawn(async move {
            task.await;
            (name, None)
        });
    }

    /// Starts a task that watches something and ends the process when it fails. The future gives the reason.
    pub fn spawn_guard(
        &mut self,
        name: impl Into<Arc<str>>,
        shutdown: Shutdown,
        failed: impl Future<Output = String> + Send + 'static,
    ) {
        let name = name.into();
        self.tasks.spawn(async move {
            tokio::select! {
                () = shutdown.begun() => (name, None),
                reason = failed => (name, Some(reason)),
            }
        });
    }

    /// Waits for all tasks. A task that ends before the drain, or panics, begins the drain.
    ///
    /// # Errors
    /// When a task ended before the drain or panicked; the message names the task.
    pub async fn join(mut self, shutdown: &Shutdown) -> Result<(), String> {
        let mut failure = None;
        while let Some(ended) = self.tasks.join_next().await {
            let early = !shutdown.is_begun();
            match ended {
                Ok((name, Some(reason))) => failure = failure.or(Some(format!("{name}: {reason}"))),
                Ok((name, None)) if early => failure = failure.or(Some(format!("{name} ended by itself"))),
                Ok(_) => {}
                Err(error) => failure = failure.or(Some(format!("a task panicked: {error}"))),
            }
            if failure.is_some() {
                shutdown.begin();
            }
        }
        failure.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_by_itself_drains_the_others() {
        let shutdown = Shutdown::default();
        let mut tasks = Tasks::default();
        let seen = shutdown.clone();
        tasks.spawn("steady", async move { seen.begun().await });
        tasks.spawn("broken", async {});
        assert_eq!(tasks.join(&shutdown).await, Err("broken ended by itself".to_owned()));
    }

    #[tokio::test]
    async fn what_a_guard_reports_drains_the_others_and_is_the_reason() {
        let shutdown = Shutdown::default();
        let mut tasks = Tasks::default();
        let seen = shutdown.clone();
        tasks.spawn("steady", async move { seen.begun().await });
        tasks.spawn_guard("config repo", shutdown.clone(), async {
            "a thread panicked".to_owned()
        });
        assert_eq!(
            tasks.join(&shutdown).await,
            Err("config repo: a thread panicked".to_owned())
        );
    }

    #[tokio::test]
    async fn a_drain_ends_a_guard() {
        let shutdown = Shutdown::default();
        let mut tasks = Tasks::default();
        tasks.spawn_guard("config repo", shutdown.clone(), std::future::pending());
        shutdown.begin();
        assert_eq!(tasks.join(&shutdown).await, Ok(()));
    }

    #[tokio::test]
    async fn a_drain_succeeds() {
        let shutdown = Shutdown::default();
        let mut tasks = Tasks::default();
        let seen = shutdown.clone();
        tasks.spawn("steady", async move { seen.begun().await });
        shutdown.begin();
        assert_eq!(tasks.join(&shutdown).await, Ok(()));
    }
}
