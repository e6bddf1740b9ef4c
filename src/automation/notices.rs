//! What the loop reports: the state of the fields, the commits that landed, and why bumps are not made.

use super::report::Landed;
use crate::notice::{AutomationEvent, FieldBump, Reporter, Topic};
use crate::plan::BumpPlan;
use crate::port::DeclaredState;

/// The findings and the decisions of a pass.
pub(super) fn decided(reporter: &Reporter, declared: &DeclaredState, plan: &BumpPlan) {
    let findings = declared.findings.iter().cloned().map(AutomationEvent::Finding);
    let decisions = plan.decisions.iter().map(|decision| AutomationEvent::FieldDecided {
        field: decision.field.clone(),
        path: decision.path.clone(),
        position: decision.position,
        outcome: decision.outcome,
        reason: decision.reason.clone(),
    });
    reporter.present(Topic::Fields, findings.chain(decisions));
}

/// Why planned bumps are not made; empty if they are.
pub(super) fn not_made(reporter: &Reporter, problems: &[String]) {
    let events = problems.iter().map(|problem| AutomationEvent::BumpsNotMade {
        problem: problem.clone(),
    });
    reporter.present(Topic::Bumps, events);
}

/// A commit of ours that landed.
pub(super) fn landed(reporter: &Reporter, landed: &Landed) {
    let bumps = landed.bumps.iter().map(|bump| FieldBump {
        field: bump.field.clone(),
        from: bump.from.clone(),
        to: bump.to.clone(),
    });
    reporter.happened(AutomationEvent::CommitLanded {
        commit: landed.commit,
        bumps: bumps.collect(),
    });
}
