use crate::plan::{BumpPlan, Outcome, PlannedBump, RecordedBumps};
use crate::port::{ChangeRequest, RequestState};
use std::sync::Arc;

/// Removes the bumps that people refused: they closed the request, or they merged it and took the bump back. The decisions of
/// these fields say so. Returns how many bumps were removed.
///
/// `in_history` tells whether the history still records a bump: then the history decides about a merged request. The squash
/// of some forges loses the trailers; then the request's own text decides.
pub(super) fn leave_out_refused(
    plan: &mut BumpPlan,
    requests: &[ChangeRequest],
    in_history: impl Fn(&PlannedBump) -> bool,
) -> usize {
    let ended: Vec<(RecordedBumps, &ChangeRequest)> = requests
        .iter()
        .filter(|request| request.state != RequestState::Open)
        .map(|request| (RecordedBumps::of(&request.body), request))
        .filter(|(recorded, _)| !recorded.superseded)
        .collect();
    let BumpPlan { bumps, decisions } = plan;
    let before = bumps.len();
    bumps.retain(|bump| {
        let Some((_, request)) = ended.iter().find(|(recorded, _)| recorded.proposes(bump)) else {
            return true;
        };
        let what = match request.state {
            RequestState::Merged if in_history(bump) => return true,
            RequestState::Merged => "was merged and taken back again",
            RequestState::Open | RequestState::Closed => "was closed without being merged",
        };
        if let Some(decision) = decisions.iter_mut().find(|decision| decision.field == bump.field) {
            let decision = Arc::make_mut(decision);
            decision.outcome = Outcome::Held;
            decision.reason = format!(
                "held: a request for {} {what} ({}); a newer tag, or the same tag set by hand, lifts the hold",
                bump.record().after(),
                request.url
            );
        }
        false
    });
    before - bumps.len()
}
