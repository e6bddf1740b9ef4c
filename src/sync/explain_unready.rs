//! Says why unready workloads are not ready, by a look at their pods. A workload that rolls out as it should is not looked at.

use super::report::SyncReport;
use super::syncer::Syncer;
use super::unsettled::Unsettled;
use crate::model::ObjectId;
use crate::port::{ClusterFailure, RecordStore, TargetApi};
use crate::resource::{GroupKind, Health, Object, PodFault, pod_selector};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How many workloads one pass looks at: a broken registry breaks all of them in the same way.
const LOOKS: usize = 8;
/// How many faults a message names.
const NAMED: usize = 2;

/// A look that is due.
struct DueLook {
    id: ObjectId,
    object: Arc<Object>,
    health: Health,
    uid: String,
}

impl<A: TargetApi, R: RecordStore> Syncer<A, R> {
    /// Adds to the report why the pods of unready workloads are not ready, as far as a look at them is due or was made before.
    pub(super) async fn look_at_pods(&mut self, report: &mut SyncReport) {
        let unready: BTreeMap<ObjectId, Option<i64>> = self.target.api.observed().read(|observed| {
            let workloads = report.unready.iter().filter(|(id, _)| runs_pods(&GroupKind::of(id)));
            let live = workloads.filter_map(|(id, _)| Some((id.clone(), observed.object(id)?.generation)));
            live.collect()
        });
        self.pod_looks.follow(&unready, Instant::now());
        for due in self.due_looks(report) {
            let seen = self.pod_faults(&due).await;
            self.pod_looks.note(&due.id, seen, Instant::now());
        }
        let now = Instant::now();
        if let Some(next) = self.pod_looks.next(now).filter(|_| !unready.is_empty()) {
            report.wait_at_most(next.saturating_duration_since(now).max(Duration::from_secs(1)));
        }
        self.explain(report, now);
    }

    fn due_looks(&self, report: &SyncReport) -> Vec<DueLook> {
        let now = Instant::now();
        let due = report.unready.iter().filter_map(|(id, health)| {
            if !self.pod_looks.is_due(id, now) {
                return None;
            }
            let uid = self
                .target
                .api
                .observed()
                .read(|observed| Some(observed.object(id)?.uid.clone()))?;
            Some(DueLook {
                id: id.clone(),
                object: Arc::clone(self.agenda.declared(id)?),
                health: health.clone(),
                uid,
            })
        });
        due.take(LOOKS).collect()
    }

    async fn pod_faults(&self, due: &DueLook) -> Result<Vec<PodFault>, ClusterFailure> {
        if let Some(message) = due.health.not_created() {
            return Ok(vec![PodFault::not_created(message)]);
        }
        let selector = pod_selector(&GroupKind::of(&due.id), &due.id.name, &due.object.value.value());
        match (&due.id.namespace, selector) {
            (Some(namespace), Some(selector)) => self.target.api.pod_faults(namespace, &selector, &due.uid).await,
            _ => Ok(Vec::new()),
        }
    }

    /// Puts the faults into the report's words.
    fn explain(&self, report: &mut SyncReport, now: Instant) {
        let settled: BTreeSet<ObjectId> = report.unsettled.iter().map(|object| object.id.clone()).collect();
        for (id, health) in &mut report.unready {
            let Some((faults, is_lasting)) = self.pod_looks.faults(id, now) else {
                continue;
            };
            let words = words(faults);
            *health = std::mem::take(health).with_reason(&words);
            report.faults.insert(id.clone(), faults.to_vec());
            if settled.contains(id) {
                let known = report
                    .unsettled
                    .iter_mut()
                    .filter(|object| object.id == *id && !object.is_terminating);
                for object in known.filter(|object| !object.message.contains(&words)) {
                    object.message = format!("{}; {words}", object.message);
                }
            } else if let Some(object) = self.agenda.declared(id).filter(|_| is_lasting) {
                report.unsettled.push(Unsettled {
                    id: id.clone(),
                    path: object.origin.path().clone(),
                    is_terminating: false,
                    message: format!("it does not become ready: {words}"),
                });
            }
        }
    }
}

/// The kinds whose pods are found by a selector. A CronJob is ready, and its Jobs are not declared.
fn runs_pods(kind: &GroupKind) -> bool {
    matches!(
        (kind.group.as_str(), kind.kind.as_str()),
        ("apps", _) | ("batch", "Job") | ("", "ReplicationController") | ("argoproj.io", "Rollout")
    )
}

/// Two faults, and how many more there are.
fn words(faults: &[PodFault]) -> String {
    let named: Vec<String> = faults.iter().take(NAMED).map(ToString::to_string).collect();
    match faults.len().saturating_sub(NAMED) {
        0 => named.join("; "),
        more => format!("{}; {more} more pods", named.join("; ")),
    }
}
