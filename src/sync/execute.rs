use super::pass::{Syncer, UNKNOWN_KINDS};
use super::plan::{Application, DeletionStep, Reason, SyncPlan};
use super::report::{AppliedObject, Change, FailedObject, SyncReport};
use crate::model::ObjectId;
use crate::port::{Applied, Cluster, ClusterFailure, Deletion, Mode, Observed};
use crate::resource::{GroupKind, Health, Wave, prepare};
use futures::StreamExt as _;
use std::time::Duration;
use tokio::time::Instant;

/// 16 requests in flight take nearly all a small API server gives (measured: 8 give 75 %, 32 no more than 16) and stay far
/// below the 200 mutating requests it admits.
const IN_FLIGHT: usize = 16;
/// Definitions and namespaces become ready in milliseconds, or not at all.
const FOUNDATION: Duration = Duration::from_secs(15);

impl<C: Cluster> Syncer<C> {
    pub(super) async fn apply_waves(&mut self, plan: &SyncPlan, report: &mut SyncReport) -> Result<(), ClusterFailure> {
        for (wave, applications) in &plan.waves {
            self.apply_wave(applications, report).await?;
            if *wave == Wave::Foundation {
                let is_last = plan.waves.len() == 1 && plan.unknown.is_empty();
                if !is_last {
                    self.wait_for_foundation(applications).await;
                }
            }
        }
        Ok(())
    }

    async fn apply_wave(
        &mut self,
        applications: &[Application],
        report: &mut SyncReport,
    ) -> Result<(), ClusterFailure> {
        let cluster = self.cluster.clone();
        let set = self.set.clone();
        let mut outage = None;
        let mut made_room = false;
        {
            let requests: Vec<_> = applications
                .iter()
                .map(|application| {
                    let (cluster, set) = (&cluster, &set);
                    async move {
                        let body = prepare(&application.object.value, &application.id, set);
                        let sent = cluster.apply(&application.served, &application.id, &body, Mode::Write);
                        (application, sent.await)
                    }
                })
                .collect();
            let mut answers = futures::stream::iter(requests).buffer_unordered(IN_FLIGHT);
            while let Some((application, answer)) = answers.next().await {
                match answer {
                    Ok(applied) => {
                        let done = self.note(application, &applied);
                        made_room |=
                            Wave::is_waited_for(&application.served.kind.kind) && done.change == Change::Created;
                        report.applied.push(done);
                    }
                    Err(failure) if failure.is_outage() => {
                        outage = Some(failure);
                        break;
                    }
                    Err(failure) => {
                        let message = failure.to_string();
                        self.ledger
                            .note_failed(&application.id, application.hash, message.clone(), Instant::now());
                        report.failed.push(FailedObject {
                            id: application.id.clone(),
                            path: Some(application.object.origin.path().clone()),
                            message,
                        });
                    }
                }
            }
        }
        if made_room {
            self.ledger.forgive(Instant::now());
        }
        outage.map_or(Ok(()), Err)
    }

    fn note(&mut self, application: &Application, applied: &Applied) -> AppliedObject {
        let now = Instant::now();
        let id = &application.id;
        let seen = self.cluster.observed().read(|observed| observed.object(id).cloned());
        let mark = self.ledger.entry(id).and_then(|entry| entry.applied.as_ref());
        let was = |uid: &str, fingerprint, generation| {
            uid == applied.uid && fingerprint == applied.fingerprint && generation == applied.generation
        };
        let unmoved = match (mark, &seen) {
            (Some(mark), _) => was(&mark.uid, mark.fingerprint, mark.generation) && mark.version == applied.version,
            (None, Some(seen)) => was(&seen.uid, seen.fingerprint, seen.generation),
            (None, None) => false,
        };
        let (change, by) = match &application.reason {
            Reason::Drift(by) => (Change::Repaired, by.clone()),
            Reason::Gone => (Change::Repaired, None),
            _ if applied.created => (Change::Created, None),
            _ if unmoved => (Change::Unchanged, None),
            _ => (Change::Configured, None),
        };
        self.ledger.note_applied(id, application.hash, applied, now);
        if change == Change::Repaired {
            self.ledger.note_repaired(id, by.as_deref(), now);
        }
        AppliedObject {
            id: id.clone(),
            path: application.object.origin.path().clone(),
            change,
            by,
        }
    }

    /// Until the watches show what was applied as established or active, or as hopeless.
    async fn wait_for_foundation(&self, applications: &[Application]) {
        let awaited: Vec<&ObjectId> = applications
            .iter()
            .filter(|application| Wave::is_waited_for(&application.served.kind.kind))
            .filter(|application| {
                let entry = self.ledger.entry(&application.id);
                entry.is_some_and(|entry| entry.applied.is_some())
            })
            .map(|application| &application.id)
            .collect();
        let all_there = |observed: &Observed| {
            awaited.iter().all(|id| {
                let watched = observed
                    .kinds
                    .get(&GroupKind::of(id))
                    .is_some_and(|view| view.failing.is_none());
                let settled = |health: &Health| !matches!(health, Health::Progressing(_));
                !watched || observed.object(id).is_some_and(|live| settled(&live.health))
            })
        };
        if !self.wait_until(FOUNDATION, all_there).await {
            tracing::warn!("definitions or namespaces are not ready yet, going on without them");
        }
    }

    pub(super) async fn prune(&mut self, plan: &SyncPlan, report: &mut SyncReport) -> Result<(), ClusterFailure> {
        let cluster = self.cluster.clone();
        for wave in plan.deletions.chunk_by(|a, b| wave_of(a) == wave_of(b)) {
            let requests: Vec<_> = wave
                .iter()
                .map(|step| {
                    let cluster = &cluster;
                    async move { (step, cluster.delete(&step.served, &step.id, &step.seen).await) }
                })
                .collect();
            let mut answers = futures::stream::iter(requests).buffer_unordered(IN_FLIGHT);
            while let Some((step, answer)) = answers.next().await {
                match answer {
                    Ok(outcome) => {
                        self.ledger.note_deleted(&step.id, &step.seen.uid, Instant::now());
                        if outcome == Deletion::Accepted {
                            report.pruned.push(step.id.clone());
                        }
                    }
                    // It changed since it was seen; the watch brings it and the next pass looks again.
                    Err(ClusterFailure::Conflict { .. }) => report.wait_at_most(Duration::from_secs(1)),
                    Err(failure) if failure.is_outage() => return Err(failure),
                    Err(failure) => {
                        report.failed.push(FailedObject {
                            id: step.id.clone(),
                            path: None,
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
