use super::apply_cache::ApplyCache;
use crate::model::{ObjectId, RepoPath};
use crate::port::Observed;
use crate::resource::{DesiredHash, Health, Object, ObservedObject};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a rollout may take whose manifest names no `progressDeadlineSeconds`: the API server's own default for Deployments.
const PROGRESS_DEADLINE: u64 = 600;
/// Kinds whose objects roll out. A Job may run for days, and a volume claim may wait for its first pod.
const ROLLING: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// A declared object that was applied and does not come to rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unsettled {
    /// The object.
    #[serde(rename = "object")]
    pub id: ObjectId,
    /// The file that declares it.
    pub path: RepoPath,
    /// Whether the object is being deleted. Otherwise the object does not become ready.
    pub is_terminating: bool,
    /// What the object waits for.
    pub message: String,
}

/// `web.yaml: Deployment shop/web: the message`.
impl fmt::Display for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.path, self.id, self.message)
    }
}

/// A declared object as the plan hands it on.
pub(super) type Declared = (ObjectId, Arc<Object>, DesiredHash);

/// Since when rollouts have been under way. A process that starts anew counts from its start.
#[derive(Debug, Default)]
pub(super) struct Rollouts(BTreeMap<ObjectId, (Option<i64>, Instant)>);

impl Rollouts {
    /// The declared objects that hang on a finalizer, that failed, or whose rollout takes too long; and the time at which the
    /// next rollout takes too long. An object whose last apply the watch has not shown yet still has the health of the manifest before.
    pub(super) fn unsettled(
        &mut self,
        declared: &[Declared],
        (observed, cache): (&Observed, &ApplyCache),
        now: Instant,
    ) -> (Vec<Unsettled>, Option<Instant>) {
        let (mut found, mut next, mut rolling) = (Vec::new(), None, BTreeSet::new());
        for (id, object, _) in declared {
            let Some(live) = observed.object(id) else { continue };
            let message = match (&live.health, hanging(live)) {
                (_, Some(message)) => Some(message),
                _ if cache.is_ahead_of(id, live) => None,
                (Health::Failed(message), None) => Some(format!("it does not become ready: {message}")),
                (Health::Progressing(message), None) if ROLLING.contains(&id.kind.as_str()) => {
                    rolling.insert(id);
                    let due = self.due(id, object, live, now);
                    let is_late = now >= due.0;
                    if !is_late {
                        next = Some(next.map_or(due.0, |known: Instant| known.min(due.0)));
                    }
                    is_late.then(|| format!("it is not ready after {}: {message}", rough(due.1)))
                }
                _ => None,
            };
            found.extend(message.map(|message| unsettled(id, object, live, message)));
        }
        self.0.retain(|id, _| rolling.contains(id));
        (found, next)
    }

    /// When the rollout takes too long, and how long it may take. A new generation is a new rollout.
    fn due(&mut self, id: &ObjectId, object: &Object, live: &ObservedObject, now: Instant) -> (Instant, Duration) {
        let known = self.0.get(id).filter(|(generation, _)| *generation == live.generation);
        let since = known.map_or(now, |(_, since)| *since);
        self.0.insert(id.clone(), (live.generation, since));
        let value = object.value.value();
        let own = value.pointer("/spec/progressDeadlineSeconds");
        let seconds = own.and_then(serde_json::Value::as_u64).unwrap_or(PROGRESS_DEADLINE);
        let limit = Duration::from_secs(seconds.min(86_400));
        (since + limit, limit)
    }
}

/// The declared objects that are not ready now, however long they have not been.
pub(super) fn unready(declared: &[Declared], observed: &Observed) -> Vec<Unsettled> {
    let found = declared.iter().filter_map(|(id, object, _)| {
        let live = observed.object(id)?;
        let health = (!live.health.is_settled()).then(|| live.health.to_string());
        Some(unsettled(id, object, live, hanging(live).or(health)?))
    });
    found.collect()
}

fn unsettled(id: &ObjectId, object: &Object, live: &ObservedObject, message: String) -> Unsettled {
    Unsettled {
        id: id.clone(),
        path: object.origin.path().clone(),
        is_terminating: live.is_terminating,
        message,
    }
}

fn rough(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

/// What a terminating object waits for.
fn hanging(live: &ObservedObject) -> Option<String> {
    (live.is_terminating && !live.finalizers.is_empty()).then(|| {
        format!(
            "it is being deleted and waits for its finalizers ({}): end what they stand for, or remove them; then it is created \
             again",
            live.finalizers.join(", ")
        )
    })
}
