//! The answer to `tidegate scan`: what was scanned, and what the scan led to.

use crate::automation::{AutomationReport, Proposed};
use crate::http::CommandReport;
use crate::model::Repository;
use crate::scan::ScanReport;
use crate::status::LandedCommit;

/// The report of a scan pass and of the automation pass after it. `landed`: the commits that landed meanwhile.
pub(super) fn report(scan: &ScanReport, automation: &AutomationReport, landed: &[LandedCommit]) -> CommandReport {
    let failed = scan.scanned.iter().filter(|scanned| scanned.tags.is_err()).count();
    let scanned = scan.scanned.iter().map(|scanned| match &scanned.tags {
        Ok(tags) => format!("{}: {}", scanned.repository, counted(*tags, "tag")),
        Err(error) => error.clone(),
    });
    let bumps = landed.iter().flat_map(|(commit, bumps)| {
        bumps.iter().map(|bump| {
            let from = bump
                .from
                .as_ref()
                .map_or_else(|| "no tag".to_owned(), ToString::to_string);
            format!("{}: {from} -> {} in {}", bump.field, bump.to, commit.short())
        })
    });
    let proposed = automation.proposed.as_ref();
    let mut lines: Vec<String> = scanned.chain(bumps).collect();
    lines.extend(proposed.into_iter().flat_map(proposed_lines));
    lines.extend(automation.problems.iter().cloned());
    let bumps = landed.iter().map(|(_, bumps)| bumps.len()).sum();
    CommandReport {
        summary: format!(
            "{} scanned, {failed} failed; {}",
            scan.scanned.len(),
            outcome(bumps, proposed)
        ),
        lines,
        ok: failed == 0 && automation.problems.is_empty(),
    }
}

fn proposed_lines(proposed: &Proposed) -> impl Iterator<Item = String> {
    let waits_in = proposed.request.as_deref().unwrap_or(proposed.branch.as_str());
    let bumps = proposed.bumps.iter();
    bumps.map(move |bump| format!("{}: {} waits in {waits_in}", bump.field, bump.to))
}

fn outcome(bumps: usize, proposed: Option<&Proposed>) -> String {
    match (bumps, proposed) {
        (0, Some(proposed)) => {
            let count = counted(proposed.bumps.len(), "image");
            format!("{count} proposed on {}", proposed.branch)
        }
        (0, None) => "nothing bumped".into(),
        (bumps, _) => format!("{} bumped", counted(bumps, "image")),
    }
}

/// Why a repository cannot be scanned: no automated field names it.
pub(super) fn unknown_repository<'a>(name: &str, known: impl IntoIterator<Item = &'a Repository>) -> String {
    let known: Vec<String> = known.into_iter().map(ToString::to_string).collect();
    let known = match &*known {
        [] => "none".to_owned(),
        known => known.join(", "),
    };
    format!("no automated image field names {name}; those named are: {known}")
}

/// `1 tag`, `2 tags`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
