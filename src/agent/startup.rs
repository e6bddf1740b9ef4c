//! The check of the repository after the first fetch.

use super::wiring::Wiring;
use crate::driver::Tasks;
use crate::source::StartupCheck;
use std::sync::Arc;

/// Spawns the check.
pub(super) fn spawn(wiring: &Wiring, tasks: &mut Tasks) {
    let settings = &wiring.config.settings;
    let target = settings.sync.targets.first().filter(|_| settings.sync.enabled);
    let check = StartupCheck {
        repo: Arc::clone(&wiring.repo),
        declared: Arc::clone(&wiring.declared),
        branch: wiring.branch.clone(),
        record: target.map(|target| wiring.home.record_of(target)),
        address: settings.repo.url.to_string(),
        paths: settings.repo.paths.clone(),
        reporter: wiring.reporter.clone(),
    };
    tasks.spawn("startup check", check.run(wiring.shutdown.clone()));
}
