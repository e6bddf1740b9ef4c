use super::apply::IN_FLIGHT;
use super::report::{FailedObject, SyncReport};
use super::sync_plan::{DeletionStep, SyncPlan};
use super::syncer::{Syncer, UNKNOWN_KINDS};
use super::withheld::in_the_way;
use crate::model::ObjectId;
use crate::port::{ClusterFailure, Deletion, Dependents, RecordStore, TargetApi};
use crate::resource::Wave;
use futures::StreamExt as _;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

impl<A: TargetApi, R: RecordStore> Syncer<A, R> {
    /// Deletes what is in the way of refused objects, such as the Service that has the node port of a renamed one, and applies
    /// these objects again. The plan is left with the other deletions.
    pub(super) async fn make_way(
        &mut self,
        plan: &mut SyncPlan,
        report: &mut SyncReport,
    ) -> Result<(), ClusterFailure> {
        let failed = [report.failed.as_slice(), &plan.failed].concat();
        let mut steps = Vec::new();
        let mut first = BTreeSet::new();
        for step in plan.applies() {
            let holders = in_the_way(step, &plan.deletions, &failed);
            if !holders.is_empty() {
                steps.push(step.clone());
                first.extend(holders.into_iter().map(|step| step.id.clone()));
            }
        }
        if steps.is_empty() {
            return Ok(());
        }
        let deletions: Vec<_> = plan.deletions.extract_if(.., |step| first.contains(&step.id)).collect();
        self.prune(&deletions, report).await?;
        report
            .failed
            .retain(|failed| !steps.iter().any(|step| step.id == failed.id));
        for refused in self.apply_wave(&steps, report).await? {
            self.note_failed(&refused.step, refused.message, report);
        }
        // A finalizer may hold a deleted object up, as the load balancer's does.
        let holders: Vec<ObjectId> = first.into_iter().collect();
        for failed in &report.failed {
            if steps.iter().any(|step| step.id == failed.id) {
                self.cache.wait_for(&failed.id, &holders);
            }
        }
        Ok(())
    }

    /// Deletes objects, wave by wave.
    pub(super) async fn prune(
        &mut self,
        deletions: &[DeletionStep],
        report: &mut SyncReport,
    ) -> Result<(), ClusterFailure> {
        let api = self.target.api.clone();
        for wave in deletions.chunk_by(|a, b| (a.depth, wave_of(a)) == (b.depth, wave_of(b))) {
            let requests: Vec<_> = wave
                .iter()
                .map(|step| {
                    let api = &api;
                    async move {
                        (
                            step,
                            api.delete(&step.served, &step.id, &step.seen, Dependents::After).await,
                        )
                    }
                })
                .collect();
            let mut answers = futures::stream::iter(requests).buffer_unordered(IN_FLIGHT);
            while let Some((step, answer)) = answers.next().await {
                match answer {
                    Ok(outcome) => {
                        self.cache.note_deleted(&step.id, &step.seen.uid, Instant::now());
                        if outcome == Deletion::Accepted {
                            report.pruned.push(step.id.clone());
                        }
                    }
                    // The object changed since it was seen. The watch delivers the change and the next pass decides anew.
                    Err(ClusterFailure::Conflict { .. }) => report.wait_at_most(Duration::from_secs(1)),
                    Err(failure) if failure.is_outage() => return Err(failure),
                    Err(failure) => {
                        report.failed.push(FailedObject {
                            id: step.id.clone(),
                            path: None,
                            position: None,
                            message: format!("not deleted: {failure}"),
                        });
                        report.wait_at_most(UNKNOWN_KINDS);
                    }
                }
            }
        }
        Ok(())
    }
}

fn wave_of(step: &DeletionStep) -> Wave {
    Wave::of(&step.served.kind.kind)
}
