//! What the status of a HelmRelease says already.

use super::claims::Claim;
use super::inputs::Inputs;
use crate::release::{Action, Next, Phase, State, Status};

/// Whether nothing is to be done, and the status says so already.
pub(super) fn is_settled(claim: &Claim, decided: Next, newest: Option<u32>, inputs: &Inputs) -> bool {
    let (status, phase) = (&claim.status, claim.status.phase);
    let is_shown = status.observed_generation == claim.release.generation
        && status.helm_revision == newest
        && status.last_attempted_digest == inputs.digest.to_string();
    match (decided.action, decided.state) {
        (Action::Rest, _) => is_shown && phase == Some(Phase::Succeeded),
        (Action::GiveUp, _) => is_shown && phase.and_then(Phase::released) == Some(false),
        (Action::Wait(_), State::Pending(_)) => phase == Some(Phase::Waiting),
        (Action::Wait(_), _) => true,
        _ => false,
    }
}

/// Why a release is not as declared, by its status.
pub(super) fn problem(status: &Status) -> Option<String> {
    let is_failing = status.phase.and_then(Phase::released) == Some(false);
    let failure = status.problem().filter(|_| is_failing).map(str::to_owned);
    let objects = status.objects.iter().flat_map(|objects| &objects.problems);
    let objects: Vec<&str> = objects.map(String::as_str).collect();
    failure.or_else(|| (!objects.is_empty()).then(|| objects.join("; ")))
}
