use crate::driver::Shutdown;
use crate::model::Wildcard;
use crate::port::ScanState;
use anyhow::Context as _;
use std::sync::Arc;
use tokio_cron_scheduler::{Job, JobScheduler};

/// Starts the cron windows: host pattern, expression with seconds. At the times of an expression, scans of the registry's
/// repositories are requested, and `wake` is called.
///
/// # Errors
/// The scheduler does not start. The configuration has checked the expressions.
pub(super) async fn start(
    windows: Vec<(String, String)>,
    scan_state: Arc<ScanState>,
    wake: impl Fn() + Clone + Send + Sync + 'static,
) -> anyhow::Result<JobScheduler> {
    let scheduler = JobScheduler::new().await.context("the cron scheduler does not start")?;
    for (host, expression) in windows {
        let (scan_state, wake) = (Arc::clone(&scan_state), wake.clone());
        let pattern = Wildcard::new(host.clone());
        let job = Job::new(expression.as_str(), move |_, _| {
            let requested = scan_state.request(|repository| pattern.matches(&repository.host));
            tracing::debug!(%host, repositories = requested, "scan window");
            wake();
        });
        scheduler
            .add(job.with_context(|| format!("cron expression {expression:?}"))?)
            .await
            .context("a cron window cannot be set")?;
    }
    scheduler.start().await.context("the cron scheduler does not start")?;
    Ok(scheduler)
}

/// Keeps the scheduler running until the drain.
pub(super) async fn keep(mut scheduler: JobScheduler, shutdown: Shutdown) {
    shutdown.begun().await;
    if let Err(error) = scheduler.shutdown().await {
        tracing::debug!(%error, "the cron scheduler did not stop");
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
        scan_state.set_repositories([repository("a.example"), repository("b.example")].into());
        let (wake, mut woken) = tokio::sync::watch::channel(0);
        let windows = vec![("a.*".to_owned(), "* * * * * *".to_owned())];
        let wake = move || wake.send_modify(|count| *count += 1);
        let wake = Arc::new(wake);
        let scheduler = start(windows, Arc::clone(&scan_state), move || wake()).await.unwrap();
        tokio::time::timeout(Duration::from_secs(10), woken.changed())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(scan_state.take_requested(), [repository("a.example")].into());
        let shutdown = Shutdown::default();
        shutdown.begin();
        keep(scheduler, shutdown).await;
    }
}
