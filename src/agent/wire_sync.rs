//! One sync loop for each target, and the task that wakes the loop when the target drifts.

use super::loops::SyncLoopSlot;
use super::waking::wake_on_change;
use super::wiring::{Core, Wiring};
use crate::config::{SyncSettings, TargetSettings};
use crate::driver::{Tasks, Wake};
use crate::model::TargetId;
use crate::port::{ConfigRepo, RecordStore, TargetApi};
use crate::status::{Snapshot, TargetStatus, UnreadyObject, WaitingDeletions};
use crate::sync::{PassReporter, SyncEnd, SyncLoop, SyncReport, Syncer, Target};
use std::ops::Deref;
use std::sync::Arc;

/// Spawns the loops. Returns the targets, with what they are reached by.
pub(super) async fn spawn<B, G, A, R>(
    wiring: &Wiring<B, G>,
    slots: Vec<SyncLoopSlot>,
    target: impl AsyncFn(&TargetSettings) -> anyhow::Result<Target<A, R>>,
    tasks: &mut Tasks,
) -> anyhow::Result<Vec<(TargetSettings, Arc<A>)>>
where
    B: Deref<Target = Core>,
    G: ConfigRepo,
    A: TargetApi,
    R: RecordStore,
{
    let settings = &wiring.config.settings.sync;
    let mut targets = Vec::new();
    for slot in slots {
        let target = target(&slot.target).await?;
        // Bumps do not wait for another cluster, which may be away.
        let is_awaited = slot.target.is_home();
        targets.push((slot.target, Arc::clone(&target.api)));
        let changes = target.api.observed().subscribe_to_others();
        let drift = wake_on_change(changes, slot.wake, wiring.shutdown.clone());
        tasks.spawn(format!("drift of {}", target.id), drift);
        let work = SyncLoop {
            reporter: PassReporter::new(
                target.id.clone(),
                slot.condition,
                wiring.reporter.clone(),
                wiring.metrics.clone(),
            )
            .noting_denied(wiring.denied.clone(), Wake::from(&wiring.wakes.automation), is_awaited),
            syncer: syncer(settings, target).publishing(wiring.healths.clone()),
            confirmed: settings.confirm,
            repo: Arc::clone(&wiring.repo),
            declared: Arc::clone(&wiring.declared),
            branch: wiring.branch.clone(),
        };
        let ((marks, record), shutdown) = (work.syncer.marks(), wiring.shutdown.clone());
        tasks.spawn(format!("marks of {}", work.syncer.target()), async move {
            marks.keep(&*record, shutdown.begun()).await;
        });
        wiring.spawn_loop(slot.this, work, tasks);
    }
    Ok(targets)
}

/// What applies and prunes in a target, by the settings.
pub(super) fn syncer<A: TargetApi, R: RecordStore>(settings: &SyncSettings, target: Target<A, R>) -> Syncer<A, R> {
    Syncer::new(target, settings.deletions)
        .adopting(settings.adoption)
        .handling_additions(settings.additions)
}

/// What a loop adds to the status. A pass that could not run leaves only its reason.
pub(super) fn status(target: &TargetId, end: &SyncEnd, snapshot: &mut Snapshot) {
    let status = match end {
        SyncEnd::Ran(report) => of_report(report),
        SyncEnd::Failed(reason) => TargetStatus {
            problems: vec![reason.clone()],
            ..TargetStatus::default()
        },
    };
    snapshot.targets.insert(target.clone(), status);
}

fn of_report(report: &SyncReport) -> TargetStatus {
    TargetStatus {
        commit: Some(report.commit),
        complete: report.complete,
        in_sync: report.is_in_sync(),
        health: report.health,
        objects: report.declared,
        problems: report.problems(),
        prune_blocked: report.prune_blocked.clone(),
        unready: unready(report),
        waiting: report.waiting.as_ref().map(|waiting| WaitingDeletions {
            objects: waiting.objects.clone(),
            remedy: waiting.remedy.clone(),
        }),
    }
}

fn unready(report: &SyncReport) -> Vec<UnreadyObject> {
    let progress = report.unready.iter().map(|(id, health)| (id, health.to_string()));
    let going = report.unsettled.iter().filter(|object| object.is_terminating);
    let awaiting = report
        .awaiting
        .iter()
        .map(|awaiting| (&awaiting.id, awaiting.message()));
    let going = going.map(|object| (&object.id, object.message.clone()));
    let all = progress.chain(going).chain(awaiting);
    let objects = all.map(|(id, message)| UnreadyObject {
        object: id.clone(),
        message,
    });
    objects.collect()
}
