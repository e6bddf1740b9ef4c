//! The loop that fetches the branch, and the tasks that report an unverified head and what cannot be used at the head.

use super::wiring::{Core, Wiring};
use crate::driver::{Condition, Loop, Tasks, Wake};
use crate::model::{CommitId, Finding};
use crate::port::ConfigRepo;
use crate::source::{Follower, watch_findings, watch_verification};
use crate::status::Snapshot;
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::watch;

/// Where the findings are published for the status.
pub(super) type Findings = watch::Sender<Arc<[Finding]>>;

/// Spawns the loop and the tasks.
pub(super) fn spawn<B: Deref<Target = Core>, G: ConfigRepo>(
    wiring: &Wiring<B, G>,
    this: Loop<Result<CommitId, String>>,
    condition: Condition,
    findings: Findings,
    tasks: &mut Tasks,
) {
    let automate = Wake::from(&wiring.wakes.automation);
    let sync = wiring.wakes.sync.clone();
    let moved = move || {
        automate.wake();
        sync.activate();
    };
    let (branch, reporter) = (wiring.branch.clone(), wiring.reporter.clone());
    let verification = watch_verification(branch, reporter, moved.clone(), wiring.shutdown.clone());
    tasks.spawn("verification", verification);
    let findings = watch_findings(
        Arc::clone(&wiring.declared),
        wiring.reporter.clone(),
        wiring.metrics.clone(),
        findings,
        wiring.shutdown.clone(),
    );
    tasks.spawn("findings", findings);
    let work = Follower::new(
        Arc::clone(&wiring.repo),
        wiring.branch.clone(),
        condition,
        wiring.reporter.clone(),
        moved,
    );
    wiring.spawn_loop(this, work, tasks);
}

/// What the loop adds to the status.
pub(super) fn status(report: &Result<CommitId, String>, snapshot: &mut Snapshot) {
    snapshot.repo.problem = report.as_ref().err().cloned();
}
