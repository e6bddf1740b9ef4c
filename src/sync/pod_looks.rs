//! When the pods of unready workloads are looked at, and what was seen.

use crate::model::ObjectId;
use crate::port::ClusterFailure;
use crate::resource::PodFault;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Most rollouts are over by then.
const FIRST_LOOK: Duration = Duration::from_secs(5);
const NEXT_LOOK: Duration = Duration::from_secs(10);
const LAST_LOOK: Duration = Duration::from_secs(300);
/// A fault that the manifest has to mend, and that has stayed for so long, makes the workload fail before its deadline has passed.
const LASTING: Duration = Duration::from_secs(60);

/// A live workload that is not ready.
#[derive(Debug)]
pub(super) struct Rolling {
    pub(super) generation: Option<i64>,
    pub(super) uid: String,
}

/// What was seen of the pods of one workload.
#[derive(Debug)]
struct Look {
    /// Another generation is another rollout.
    generation: Option<i64>,
    next: Instant,
    pause: Duration,
    faults: Vec<PodFault>,
    lasting_since: Option<Instant>,
}

/// The workloads that are not ready.
#[derive(Debug, Default)]
pub(super) struct PodLooks(BTreeMap<ObjectId, Look>);

impl PodLooks {
    /// Forgets what is ready, and notes what is not.
    pub(super) fn follow(&mut self, rolling: &BTreeMap<ObjectId, Rolling>, now: Instant) {
        self.0
            .retain(|id, look| rolling.get(id).is_some_and(|live| live.generation == look.generation));
        for (id, live) in rolling {
            self.0.entry(id.clone()).or_insert(Look {
                generation: live.generation,
                next: now + FIRST_LOOK,
                pause: NEXT_LOOK,
                faults: Vec::new(),
                lasting_since: None,
            });
        }
    }

    pub(super) fn note(&mut self, id: &ObjectId, seen: Result<Vec<PodFault>, ClusterFailure>, now: Instant) {
        let Some(look) = self.0.get_mut(id) else { return };
        look.next = now + look.pause;
        look.pause = (look.pause * 2).min(LAST_LOOK);
        match seen {
            Ok(faults) => {
                let is_lasting = faults.iter().any(|fault| !fault.is_former && fault.kind.is_lasting());
                look.lasting_since = is_lasting.then(|| look.lasting_since.unwrap_or(now));
                look.faults = faults;
            }
            Err(failure) => tracing::debug!(object = %id, error = %failure, "pods not read"),
        }
    }

    /// The faults of a workload's pods, and whether they have stayed for so long that the workload counts as failed.
    pub(super) fn faults(&self, id: &ObjectId, now: Instant) -> Option<(&[PodFault], bool)> {
        let look = self.0.get(id).filter(|look| !look.faults.is_empty())?;
        let is_lasting = look.lasting_since.is_some_and(|since| now >= since + LASTING);
        Some((&look.faults, is_lasting))
    }

    /// When the next look is due, or the next fault has stayed for long.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        let lasting = self.0.values().filter_map(|look| Some(look.lasting_since? + LASTING));
        let lasting = lasting.filter(|at| *at > now);
        self.0.values().map(|look| look.next).chain(lasting).min()
    }

    pub(super) fn is_due(&self, id: &ObjectId, now: Instant) -> bool {
        self.0.get(id).is_some_and(|look| look.next <= now)
    }
}
