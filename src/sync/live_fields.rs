use super::apply_cache::Entry;
use super::need::Reason;
use super::plan_inputs::PlanInputs;
use super::report::Drifted;
use super::sync_plan::SyncPlan;
use crate::model::ObjectId;
use crate::resource::{Additions, Authorship, Drift, Object, ObservedObject, left_to_others, looks_applied};

impl SyncPlan {
    /// The fields that people added to the live object, and that are to be removed. Those that are reported only are
    /// reported.
    pub(super) fn additions(
        &mut self,
        object: &Object,
        id: &ObjectId,
        live: Option<&ObservedObject>,
        inputs: &PlanInputs<'_>,
    ) -> Option<Additions> {
        let live = live.filter(|live| !live.is_terminating)?;
        let additions = live.additions.as_ref()?;
        let value = object.value.value();
        let left = left_to_others(&value, &object.intent.ignore_fields);
        let found = additions.beside(&value, &left)?;
        self.restless.insert(id.clone());
        match (object.intent.drift, inputs.additions) {
            (Drift::Repair, Drift::Repair) => Some(found),
            (Drift::Warn, Drift::Repair | Drift::Warn) | (Drift::Repair, Drift::Warn) => {
                self.drifted.push(Drifted {
                    id: id.clone(),
                    path: object.origin.path().clone(),
                    by: found.who(),
                    fields: found.paths(),
                });
                None
            }
            (Drift::Ignore, _) | (_, Drift::Ignore) => None,
        }
    }
}

impl PlanInputs<'_> {
    /// Whether somebody else may have made the live object.
    pub(super) fn is_first_contact(
        &self,
        id: &ObjectId,
        live: Option<&ObservedObject>,
        reason: &Reason,
        entry: Option<&Entry>,
    ) -> bool {
        match live {
            Some(live) => self.members.authorship(id, live) != Authorship::Recorded && !looks_applied(live),
            None => {
                let applied = entry.and_then(|entry| entry.applied.as_ref());
                *reason == Reason::Gone || applied.is_none_or(|last| self.now >= last.catch_up_until)
            }
        }
    }
}
