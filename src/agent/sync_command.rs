//! The answer to `tidegate sync`: what the passes of all targets did.

use super::scan_command::counted;
use crate::http::CommandReport;
use crate::model::TargetId;
use crate::sync::{Change, SyncEnd, SyncReport};

/// The passes of all targets as one report; `None` if there is no target. `unverified`: why the branch's head is not applied.
pub(super) fn report(ends: &[(TargetId, SyncEnd)], unverified: Option<String>) -> Option<CommandReport> {
    let reports: Vec<CommandReport> = ends.iter().map(|(_, end)| of_end(end)).collect();
    let summaries: Vec<&str> = reports.iter().map(|report| &*report.summary).collect();
    let summary = (!summaries.is_empty()).then(|| summaries.join("; "))?;
    let any_ran = ends.iter().any(|(_, end)| matches!(end, SyncEnd::Ran(_)));
    // The reason of a pass that could not run says why already.
    let unverified = unverified.filter(|_| any_ran);
    let ok = unverified.is_none() && reports.iter().all(|report| report.ok);
    let lines = reports.into_iter().flat_map(|report| report.lines);
    Some(CommandReport {
        summary,
        lines: lines.chain(unverified).collect(),
        ok,
    })
}

fn of_end(end: &SyncEnd) -> CommandReport {
    match end {
        SyncEnd::Ran(report) => CommandReport {
            summary: summary(report),
            lines: lines(report),
            ok: report.is_in_sync_but_for_awaiting(),
        },
        SyncEnd::Failed(reason) => CommandReport {
            summary: "the sync could not run".into(),
            lines: vec![reason.clone()],
            ok: false,
        },
    }
}

fn summary(report: &SyncReport) -> String {
    let other = report.findings.iter().filter(|finding| !finding.is_error()).count();
    format!(
        "commit {}: {} declared, {} applied, {} pruned, {} failed, {}, {}",
        report.commit.short(),
        counted(report.declared, "object"),
        report.applied.len(),
        report.pruned.len(),
        report.failed.len(),
        counted(report.findings.len() - other, "error"),
        counted(other, "other finding")
    )
}

/// Errors first, as in `tidegate plan`.
fn lines(report: &SyncReport) -> Vec<String> {
    let mut lines = report.problems();
    let changed = report
        .applied
        .iter()
        .filter(|object| object.change != Change::Unchanged);
    lines.extend(changed.map(|object| format!("{} {}", object.id, object.change)));
    lines.extend(report.awaiting.iter().map(ToString::to_string));
    lines.extend(report.pruned.iter().map(|id| format!("{id} pruned")));
    let others = report.findings.iter().filter(|finding| !finding.is_error());
    lines.extend(others.map(ToString::to_string));
    let retained = report.retained.iter();
    lines.extend(retained.map(|(id, why)| format!("{id} is no longer declared and stays: {why}")));
    lines
}
