use crate::model::{ObjectId, TargetId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The objects that the agent has no right to apply. The sync loops write them; automation bumps no image in them, because the
/// bump would change the file and never the cluster. A clone shares the same objects.
#[derive(Debug, Clone, Default)]
pub struct DeniedObjects(Arc<Mutex<Targets>>);

/// By target; `None`: no pass of the target has ended yet.
type Targets = BTreeMap<TargetId, Option<BTreeSet<ObjectId>>>;

impl DeniedObjects {
    fn lock(&self) -> MutexGuard<'_, Targets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a target. Until a pass of the target has ended, nothing is known.
    pub fn expect(&self, target: &TargetId) {
        self.lock().insert(target.clone(), None);
    }

    /// Notes what a pass was denied. `denied`: `None` if the pass did not try; what was known then stays. Returns whether that
    /// is news.
    pub fn note(&self, target: &TargetId, denied: Option<BTreeSet<ObjectId>>) -> bool {
        let mut targets = self.lock();
        let known = targets.get(target).cloned().flatten();
        let is_new = known.is_none() || denied.is_some() && denied != known;
        targets.insert(target.clone(), Some(denied.or(known).unwrap_or_default()));
        is_new
    }

    /// Whether a pass of every target has ended.
    pub fn is_known(&self) -> bool {
        self.lock().values().all(Option::is_some)
    }

    /// Whether the agent may not apply an object in one of the targets. `object` is named as in the file: without a namespace
    /// it is in the target's default namespace.
    pub fn includes(&self, object: &ObjectId) -> bool {
        self.lock()
            .values()
            .flatten()
            .flatten()
            .any(|denied| object.names(denied))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_is_known_after_the_first_pass_of_each_target_and_stays_while_a_target_is_away() {
        let (here, there) = (TargetId::here(), TargetId::new("there"));
        let web = ObjectId::new("apps/v1", "Deployment", Some("shop"), "web");
        let unnamed = ObjectId::new("apps/v1", "Deployment", None, "web");
        let denied = DeniedObjects::default();
        assert!(denied.is_known(), "without a target nothing is awaited");
        denied.expect(&here);
        denied.expect(&there);
        assert!(denied.note(&here, Some([web.clone()].into())));
        assert!(!denied.is_known());
        assert!(denied.note(&there, None), "a pass that could not run has ended, too");
        assert!(denied.is_known());
        assert!(denied.includes(&web) && denied.includes(&unnamed));
        assert!(!denied.includes(&ObjectId::new("apps/v1", "Deployment", Some("other"), "web")));
        assert!(!denied.note(&here, Some([web.clone()].into())) && !denied.note(&here, None));
        assert!(denied.includes(&web));
        assert!(denied.note(&here, Some(BTreeSet::new())));
        assert!(!denied.includes(&web));
    }
}
