use crate::plan::{BumpPlan, Outcome, PlannedBump, RecordedBumps};
use crate::port::{ChangeRequest, RequestState};

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
    let before = plan.bumps.len();
    plan.withhold(Outcome::Held, |bump| {
        let (_, request) = ended.iter().find(|(recorded, _)| recorded.proposes(bump))?;
        let what = match request.state {
            RequestState::Merged if in_history(bump) => return None,
            RequestState::Merged => "was merged and taken back again",
            RequestState::Open | RequestState::Closed => "was closed without being merged",
        };
        Some(format!(
            "held: a request for {} {what} ({}); a newer tag, or the same tag set by hand, lifts the hold",
            bump.record().after(),
            request.url
        ))
    });
    before - plan.bumps.len()
}
