use crate::driver::Shutdown;
use crate::model::Wildcard;
use crate::port::ScanState;
use std::sync::Arc;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};

/// Cron windows cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    /// There is no scheduler.
    #[error("the cron scheduler does not start")]
    Scheduler(#[source] JobSchedulerError),
    /// The scheduler does not take an expression.
    #[error("the cron expression {expression:?} cannot be scheduled")]
    Expression {
        /// The expression, with seconds.
        expression: String,
        /// The cause.
        #[source]
        source: JobSchedulerError,
    },
}

/// Registries that are scanned at the times of cron expressions, until they are stopped.
pub struct Windows(JobScheduler);

impl Windows {
    /// Starts the windows: host pattern, expression with seconds. At the times of an expression, scans of the registry's
    /// repositories are requested, and `wake` is called.
    ///
    /// # Errors
    /// The scheduler does not start. The configuration has checked the expressions.
    pub async fn start(
        windows: Vec<(String, String)>,
        scan_state: Arc<ScanState>,
        wake: impl Fn() + Clone + Send + Sync + 'static,
    ) -> Result<Self, WindowError> {
        let scheduler = JobScheduler::new().await.map_err(WindowError::Scheduler)?;
        for (host, expression) in windows {
            let (scan_state, wake) = (Arc::clone(&scan_state), wake.clone());
            let pattern = Wildcard::new(host.clone());
            let job = Job::new(expression.as_str(), move |_, _| {
                let requested = scan_state.request(|repository| pattern.matches(&repository.host));
                tracing::debug!(%host, repositories = requested, "scan window");
                wake();
            });
            let wrong = |source| WindowError::Expression {
                expression: expression.clone(),
                source,
            };
            scheduler.add(job.map_err(wrong)?).await.map_err(wrong)?;
        }
        scheduler.start().await.map_err(WindowError::Scheduler)?;
        Ok(Self(scheduler))
    }

    /// Keeps the windows until the drain.
    pub async fn run(mut self, shutdown: Shutdown) {
        shutdown.begun().await;
        if let Err(error) = self.0.shutdown().await {
            tracing::debug!(%error, "the cron scheduler did not stop");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Repository;
    use std::time::Duration;

    #[tokio::test]
    async fn a_window_requests_scans_of_its_own_registry_and_wakes_the_loop() {
        let repository = |host: &str| Repository {
            host: host.into(),
            path: "shop/web".into(),
        };
        let scan_state = Arc::new(ScanState::default());
        scan_state.set_repositories(Arc::new([repository("a.example"), repository("b.example")].into()));
        let (wake, mut woken) = tokio::sync::watch::channel(0);
        let windows = vec![("a.*".to_owned(), "* * * * * *".to_owned())];
        let wake = move || wake.send_modify(|count| *count += 1);
        let wake = Arc::new(wake);
        let windows = Windows::start(windows, Arc::clone(&scan_state), move || wake())
            .await
            .unwrap();
        tokio::time::timeout(Duration::from_secs(10), woken.changed())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(scan_state.take_requested(), [repository("a.example")].into());
        let shutdown = Shutdown::default();
        shutdown.begin();
        windows.run(shutdown).await;
    }
}
