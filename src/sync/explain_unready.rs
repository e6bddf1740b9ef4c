//! Says why unready workloads are not ready, by a look at their pods. A workload that rolls out as it should is not looked at.

use super::pod_looks::Rolling;
use super::report::SyncReport;
use super::syncer::Syncer;
use super::unsettled::Unsettled;
use crate::model::ObjectId;
use crate::port::{ClusterFailure, RecordStore, TargetApi};
use crate::resource::{GroupKind, Health, Object, PodFault, pod_selector, runs_pods};
use futures::StreamExt as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How many workloads one pass looks at, all at once: a broken registry breaks all of them in the same way.
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
        let rolling: BTreeMap<ObjectId, Rolling> = self.target.api.observed().read(|observed| {
            let workloads = report.unready.iter().filter(|(id, _)| runs_pods(&GroupKind::of(id)));
            let live = workloads.filter_map(|(id, _)| {
                let live = observed.object(id)?;
                let (generation, uid) = (live.generation, live.uid.clone());
                Some((id.clone(), Rolling { generation, uid }))
            });
            live.collect()
        });
        self.pod_looks.follow(&rolling, Instant::now());
        let api = Arc::clone(&self.target.api);
        let looks: Vec<_> = self
            .due_looks(report, &rolling)
            .into_iter()
            .map(|due| {
                let api = &*api;
                async move { (pod_faults(api, &due).await, due.id) }
            })
            .collect();
        let mut looks = futures::stream::iter(looks).buffer_unordered(LOOKS);
        while let Some((seen, id)) = looks.next().await {
            self.pod_looks.note(&id, seen, Instant::now());
        }
        let now = Instant::now();
        if let Some(next) = self.pod_looks.next(now).filter(|_| !rolling.is_empty()) {
            report.wait_at_most(next.saturating_duration_since(now).max(Duration::from_secs(1)));
        }
        self.explain(report, now);
    }

    fn due_looks(&self, report: &SyncReport, rolling: &BTreeMap<ObjectId, Rolling>) -> Vec<DueLook> {
        let now = Instant::now();
        let due = report.unready.iter().filter_map(|(id, health)| {
            let live = rolling.get(id).filter(|_| self.pod_looks.is_due(id, now))?;
            Some(DueLook {
                id: id.clone(),
                object: Arc::clone(self.agenda.declared(id)?),
                health: health.clone(),
                uid: live.uid.clone(),
            })
        });
        due.take(LOOKS).collect()
    }

    /// Puts the faults into the report's words.
    fn explain(&self, report: &mut SyncReport, now: Instant) {
        let all = report.unsettled.iter().enumerate();
        let places: BTreeMap<ObjectId, usize> = all.map(|(at, object)| (object.id.clone(), at)).collect();
        for (id, health) in &mut report.unready {
            let Some((faults, is_lasting)) = self.pod_looks.faults(id, now) else {
                continue;
            };
            let words = words(faults);
            *health = std::mem::take(health).with_reason(&words);
            report.faults.insert(id.clone(), faults.to_vec());
            if let Some(known) = places.get(id).and_then(|at| report.unsettled.get_mut(*at)) {
                if !known.is_terminating && !known.message.contains(&words) {
                    known.message = format!("{}; {words}", known.message);
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

async fn pod_faults(api: &impl TargetApi, due: &DueLook) -> Result<Vec<PodFault>, ClusterFailure> {
    if let Some(message) = due.health.not_created() {
        return Ok(vec![PodFault::not_created(message)]);
    }
    let selector = pod_selector(&GroupKind::of(&due.id), &due.id.name, &due.object.value.value());
    match selector {
        Some(selector) => api.pod_faults(&due.id, &selector, &due.uid).await,
        None => Ok(Vec::new()),
    }
}

/// Two faults, and how many more there are. Pods of an earlier revision say nothing about the newest one, unless only they are at fault.
fn words(faults: &[PodFault]) -> String {
    let newest = faults.iter().filter(|fault| !fault.is_former).count();
    let faults = match newest {
        0 => faults,
        newest => faults.get(..newest).unwrap_or(faults),
    };
    let named: Vec<String> = faults.iter().take(NAMED).map(ToString::to_string).collect();
    match faults.len().saturating_sub(NAMED) {
        0 => named.join("; "),
        more => format!("{}; {more} more pods", named.join("; ")),
    }
}
