//! The loop that lists tags, and the cron windows that wake the loop.

use super::wiring::{Core, Wiring};
use crate::driver::{Loop, Tasks, Wake};
use crate::port::{ConfigRepo, ListFailure, Registry};
use crate::scan::{ScanReport, Scanner, Windows};
use crate::status::{RepositoryStatus, Snapshot};
use std::ops::Deref;
use std::sync::Arc;

/// Spawns the loop and the windows.
pub(super) async fn spawn<B: Deref<Target = Core>, G: ConfigRepo>(
    wiring: &Wiring<B, G>,
    this: Loop<ScanReport>,
    registry: Arc<impl Registry>,
    tasks: &mut Tasks,
) -> anyhow::Result<()> {
    let metrics = wiring.metrics.clone();
    let automate = Wake::from(&wiring.wakes.automation);
    let work = Scanner::new(
        registry,
        Arc::clone(&wiring.scan_state),
        Arc::new(wiring.config.scan_rules()),
        metrics,
        wiring.reporter.clone(),
        move || automate.wake(),
        wiring.jitter,
    );
    wiring.spawn_loop(this, work, tasks);
    let scan = Wake::from(&wiring.wakes.scan);
    let windows = wiring.config.scan_windows();
    if windows.is_empty() {
        return Ok(());
    }
    let windows = Windows::start(windows, Arc::clone(&wiring.scan_state), move || scan.wake()).await?;
    tasks.spawn("windows", windows.run(wiring.shutdown.clone()));
    Ok(())
}

/// What the scans add to the status.
pub(super) fn status(base: &Core) -> impl Fn(&mut Snapshot) + Send + Sync + use<> {
    let scan_state = Arc::clone(&base.scan_state);
    move |snapshot| {
        let scans = scan_state.scans();
        let repositories = scans.iter().map(|(repository, scan)| {
            let status = match &scan.result {
                Ok(listing) => RepositoryStatus {
                    supported: true,
                    tags: Some(listing.images.len()),
                    problem: None,
                },
                Err(failure) => RepositoryStatus {
                    supported: !matches!(failure, ListFailure::Unsupported { .. }),
                    tags: None,
                    problem: Some(failure.to_string()),
                },
            };
            (repository.to_string(), status)
        });
        snapshot.scan = repositories.collect();
    }
}
