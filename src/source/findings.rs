use crate::driver::Shutdown;
use crate::model::Finding;
use crate::notice::{RepoEvent, Reporter, Topic};
use crate::port::DeclaredSource;
use crate::telemetry::Metrics;
use std::sync::Arc;
use tokio::sync::watch;

/// Reports what cannot be used at each head of the branch to the sinks, the metrics and the status, whichever loops run. Runs
/// until the drain.
pub async fn watch_findings(
    declared: Arc<dyn DeclaredSource>,
    reporter: Reporter,
    metrics: Metrics,
    status: watch::Sender<Arc<[Finding]>>,
    shutdown: Shutdown,
) {
    let mut published = declared.published();
    loop {
        let state = published.borrow_and_update().clone();
        if let Some(state) = state {
            let findings: Arc<[Finding]> = state.findings.as_slice().into();
            metrics.findings(findings.iter().map(|finding| finding.severity));
            reporter.present(Topic::Findings, findings.iter().cloned().map(RepoEvent::Finding));
            status.send_replace(findings);
        }
        tokio::select! {
            biased;
            () = shutdown.begun() => return,
            changed = published.changed() => if changed.is_err() { return },
        }
    }
}
