//! Images of objects that the agent may not apply.

use crate::plan::{BumpPlan, Outcome};
use crate::port::DeniedObjects;

/// Removes the bumps in objects that the agent has no right to apply, since they would change the file and never the cluster.
/// Until the first sync has ended, that is not known, and all bumps wait.
pub(crate) fn leave_out_denied(plan: &mut BumpPlan, denied: &DeniedObjects) {
    if !denied.is_known() {
        plan.postpone(|_| Some("waits for the first sync, which shows what the agent may apply".to_owned()));
        return;
    }
    plan.withhold(Outcome::Denied, |bump| {
        denied.includes(&bump.field.object).then(|| {
            format!(
                "{} is newer and not written: the agent has no right to apply {}; the problems of the target name the right",
                bump.to, bump.field.object
            )
        })
    });
}
