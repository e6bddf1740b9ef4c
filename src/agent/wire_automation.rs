//! The loop that makes bumps.

use super::proposals;
use super::wiring::{Core, Wiring};
use crate::automation::{Automation, AutomationReport, CommitStyle, Dependencies};
use crate::driver::{Loop, Shutdown, Tasks, Wake};
use crate::port::{ConfigRepo, ObjectHealths, ProposalBranches};
use crate::status::AutomationStatus;
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::watch;

/// Where the loop publishes its decisions, and where the status reads them.
pub(super) type Decisions = watch::Sender<Arc<AutomationStatus>>;

pub(super) fn decisions() -> (Decisions, watch::Receiver<Arc<AutomationStatus>>) {
    watch::channel(Arc::default())
}

/// Spawns the loop.
pub(super) async fn spawn<B, G>(
    wiring: &Wiring<B, G>,
    this: Loop<AutomationReport>,
    status: Decisions,
    tasks: &mut Tasks,
) -> anyhow::Result<()>
where
    B: Deref<Target = Core>,
    G: ConfigRepo + ProposalBranches,
{
    let settings = &wiring.config.settings;
    let sync = wiring.wakes.sync.clone();
    let work = Automation::new(Dependencies {
        repo: Arc::clone(&wiring.repo),
        declared: Arc::clone(&wiring.declared),
        scan_state: Arc::clone(&wiring.scan_state),
        denied: wiring.denied.clone(),
        rules: Arc::new(wiring.config.scan_rules()),
        branch: wiring.branch.clone(),
        history: Arc::clone(&wiring.history),
        style: CommitStyle {
            template: settings.automation.message.clone(),
            per: settings.automation.commit_per,
        },
        until: settings.automation.hold,
        revert_on_failure: settings.automation.revert_on_failure,
        healths: wiring.healths.clone(),
        status,
        metrics: wiring.metrics.clone(),
        reporter: wiring.reporter.clone(),
        scan: Wake::from(&wiring.wakes.scan),
        sync: Wake::new(move || sync.activate()),
        jitter: wiring.jitter,
        proposals: proposals::branch(settings, &wiring.aws).await?.map(Arc::new),
    });
    wiring.spawn_loop(this, work, tasks);
    let wake = Wake::from(&wiring.wakes.automation);
    let watch = wake_on_health(wiring.healths.clone(), wake, wiring.shutdown.clone());
    tasks.spawn("health of workloads", watch);
    Ok(())
}

/// Wakes the loop when a workload becomes ready or fails, while decisions rest on that.
async fn wake_on_health(healths: ObjectHealths, wake: Wake, shutdown: Shutdown) {
    let mut changes = healths.subscribe();
    loop {
        tokio::select! {
            biased;
            () = shutdown.begun() => return,
            changed = changes.changed() => match changed {
                Ok(()) if healths.is_history_used() == Some(true) => wake.wake(),
                Ok(()) => {}
                Err(_) => return,
            },
        }
    }
}
