//! The loop that fetches the branch, and the task that reports an unverified head.

use super::wiring::Wiring;
use crate::driver::{Condition, Loop, Tasks, Wake};
use crate::model::CommitId;
use crate::source::{Follower, watch_verification};
use crate::status::Snapshot;
use std::sync::Arc;

/// Spawns the loop and the task.
pub(super) fn spawn(wiring: &Wiring, this: Loop<Result<CommitId, String>>, condition: Condition, tasks: &mut Tasks) {
    let automate = Wake::from(&wiring.wakes.automation);
    let sync = wiring.wakes.sync.clone();
    let moved = move || {
        automate.wake();
        sync.activate();
    };
    let (branch, reporter) = (wiring.branch.clone(), wiring.reporter.clone());
    let verification = watch_verification(branch, reporter, moved.clone(), wiring.shutdown.clone());
    tasks.spawn("verification", verification);
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
