use super::sync_plan::SyncPlan;
use crate::resource::MemberKeys;

/// Why a pass deletes nothing whose record changed under it.
pub(super) const OVERTAKEN: &str =
    "another process of the agent has applied another commit; the next pass compares the two";

/// What the record needs to know of a plan after the plan is carried out.
pub(super) struct PassOutcome {
    /// Whether a folder or file changed its nature.
    pub(super) nature_changed: bool,
    /// Whether every object that may be deleted is declared.
    pub(super) is_settled: bool,
    /// The UIDs of the objects whose deletion waits for a person, or that a person has confirmed.
    pub(super) asked: Option<MemberKeys>,
}

impl PassOutcome {
    pub(super) fn of(plan: &SyncPlan) -> Self {
        let waiting = plan.waiting.as_ref().map(|waiting| &waiting.uids);
        let confirmed = plan.is_confirmed.then_some(&plan.undeclared);
        Self {
            nature_changed: plan.nature_changed,
            is_settled: plan.undeclared.is_empty(),
            asked: waiting.or(confirmed).cloned(),
        }
    }
}
