//! One loop for each cluster of mirrored copies, and the tasks that wake it.

use super::loops::MirrorLoopSlot;
use super::waking::wake_on_change;
use super::wiring::Wiring;
use crate::config::TargetSettings;
use crate::driver::Tasks;
use crate::mirrors::{Claims, MirrorLoop, MirrorReport, Parts};
use crate::model::TargetId;
use crate::port::MirrorObjects as _;
use crate::spread::{MirrorRule, MirrorSource};
use crate::status::{MirrorsStatus, Snapshot};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Spawns the loops. `home`: the agent's own cluster, which has the sources.
///
/// # Errors
/// A cluster cannot be reached with the settings.
pub(super) async fn spawn(
    wiring: &Wiring,
    slots: Vec<MirrorLoopSlot>,
    home: &TargetSettings,
    tasks: &mut Tasks,
) -> anyhow::Result<()> {
    let rules = &wiring.config.settings.mirrors;
    let (sources, set) = wiring.home.mirrored(home, rules);
    let sources = Arc::new(sources);
    let ruled = rules.iter().flat_map(|rule| rule.targets.clone());
    let claims = Claims::new(ruled.filter(|target| *target != home.id).collect());
    let annotated = rules
        .iter()
        .filter(|rule| matches!(rule.from, MirrorSource::Annotated(..)));
    let all_targets: BTreeSet<TargetId> = annotated.flat_map(|rule| rule.targets.clone()).collect();
    let all_targets = Arc::new(all_targets);
    for slot in slots {
        let id = slot.target.id.clone();
        let cluster = Arc::new(wiring.home.copies(&slot.target).await?);
        for changes in [sources.changes(), cluster.changes()] {
            let waking = wake_on_change(changes, slot.wake.clone(), wiring.shutdown.clone());
            tasks.spawn(format!("changes of mirrors in {id}"), waking);
        }
        let here = rules.iter().filter(|rule| rule.targets.contains(&id));
        let work = MirrorLoop::new(Parts {
            is_home: id == home.id,
            set: set.clone(),
            sources: Arc::clone(&sources),
            cluster,
            rules: here.cloned().collect::<Vec<MirrorRule>>().into(),
            all_targets: Arc::clone(&all_targets),
            claims: claims.clone(),
            reporter: wiring.reporter.clone(),
            metrics: wiring.metrics.clone(),
            clock: Arc::new(Timestamp::now),
            target: id,
        });
        wiring.spawn_loop(slot.this, work, tasks);
    }
    Ok(())
}

/// What a loop adds to the status.
pub(super) fn status(target: &TargetId, report: &MirrorReport, snapshot: &mut Snapshot) {
    if *report == MirrorReport::default() {
        return;
    }
    let status = MirrorsStatus {
        count: report.copies,
        off: report.off.clone(),
        problems: report.problems.clone(),
    };
    snapshot.mirrors.insert(target.clone(), status);
}
