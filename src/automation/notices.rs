//! What the loop reports: the decisions about the fields, the commits that landed, and why bumps are not made.

use super::failed_rollouts::Judged;
use super::history_reader::{HistoryReader, LONGEST_HISTORY};
use super::report::Landed;
use crate::model::{BranchName, CommitId};
use crate::notice::{AutomationEvent, FieldBump, ProposalEvent, Reporter, Topic};
use crate::plan::{Decision, PlannedBump};
use std::sync::Arc;

/// The decisions of a pass, after those of the pass before. Where both are about the same fields, only the decisions that
/// changed are looked at.
pub(super) fn decided(reporter: &Reporter, before: &[Arc<Decision>], now: &[Arc<Decision>]) {
    let event = |decision: &Arc<Decision>| AutomationEvent::FieldDecided {
        field: decision.field.clone(),
        path: decision.path.clone(),
        position: decision.position,
        outcome: decision.outcome,
        reason: decision.reason.clone(),
    };
    let is_same = |(a, b): &(&Arc<Decision>, &Arc<Decision>)| Arc::ptr_eq(a, b);
    let pairs = || before.iter().zip(now);
    let changed = pairs().filter(|pair| !is_same(pair));
    let are_same_fields = before.len() == now.len()
        && changed
            .clone()
            .all(|(before, now)| (&before.path, &before.field) == (&now.path, &now.field));
    if are_same_fields {
        reporter.present_changes(Topic::Fields, changed.map(|(_, now)| event(now)));
    } else {
        reporter.present(Topic::Fields, now.iter().map(event));
    }
}

/// Whether all of the history is read for holds.
pub(super) fn history_read(reporter: &Reporter, history: &HistoryReader) {
    let commits = LONGEST_HISTORY;
    let cut = history.is_cut().then_some(AutomationEvent::HistoryCut { commits });
    reporter.present(Topic::History, cut);
}

/// Why planned bumps are not made; empty if they are.
pub(super) fn not_made(reporter: &Reporter, problems: &[String]) {
    let events = problems.iter().map(|problem| AutomationEvent::BumpsNotMade {
        problem: problem.clone(),
    });
    reporter.present(Topic::Bumps, events);
}

/// The bumps that stay although their images fail.
pub(super) fn rollouts(reporter: &Reporter, judged: &Judged) {
    let events = judged.stay.iter().map(|(field, reason)| AutomationEvent::BumpStays {
        field: field.clone(),
        reason: reason.clone(),
    });
    reporter.present(Topic::Rollouts, events);
}

/// A commit of ours that landed.
pub(super) fn landed(reporter: &Reporter, landed: &Landed) {
    reporter.happened(AutomationEvent::CommitLanded {
        commit: landed.commit,
        bumps: field_bumps(&landed.bumps),
    });
}

/// The bumps that the proposal branch holds now.
pub(super) fn proposed(reporter: &Reporter, branch: &BranchName, commit: CommitId, bumps: &[PlannedBump]) {
    reporter.happened(ProposalEvent::Proposed {
        branch: branch.clone(),
        commit,
        bumps: field_bumps(bumps),
    });
}

fn field_bumps(bumps: &[PlannedBump]) -> Vec<FieldBump> {
    let bumps = bumps.iter().map(|bump| FieldBump {
        path: bump.path.clone(),
        field: bump.field.clone(),
        new_name: bump.new_name.as_ref().map(|name| name.name().to_owned()),
        from: bump.from.clone(),
        to: bump.to.clone(),
    });
    bumps.collect()
}
