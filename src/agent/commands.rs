use super::landed_commits::LandedCommits;
use crate::automation::{AutomationReport, Status};
use crate::driver::{Activator, NoAnswer};
use crate::follow::Tip;
use crate::http::{CommandError, CommandReport, Commands};
use crate::model::{BranchName, CommitId, Severity};
use crate::port::ScanState;
use crate::scan::ScanReport;
use crate::sync::{Activators, Change, SyncEnd, SyncReport};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What callers of the HTTP port may have done.
pub(super) struct AgentCommands {
    pub(super) scan_state: Arc<ScanState>,
    pub(super) journal: LandedCommits,
    pub(super) scan: Activator<ScanReport>,
    pub(super) automate: Activator<AutomationReport>,
    pub(super) follow: Activator<Result<CommitId, String>>,
    pub(super) sync: Activators,
    pub(super) status: watch::Receiver<Arc<Status>>,
    pub(super) keys: Activator<()>,
    pub(super) tip: Tip,
    /// The followed branch.
    pub(super) branch: BranchName,
}

/// The longest that a caller waits for one pass; one that fetches a large repository goes on without a caller.
const PATIENCE: Duration = Duration::from_secs(300);

impl AgentCommands {
    async fn scan_now(&self, repository: Option<String>) -> Result<CommandReport, CommandError> {
        let asked = self
            .scan_state
            .request(|wanted| repository.as_ref().is_none_or(|name| wanted.to_string() == *name));
        if let (0, Some(name)) = (asked, &repository) {
            let wanted: Vec<String> = self.scan_state.repositories().iter().map(ToString::to_string).collect();
            return Err(CommandError::Unknown(format!(
                "no automated image field names {name}; those named are: {}",
                if wanted.is_empty() {
                    "none".into()
                } else {
                    wanted.join(", ")
                }
            )));
        }
        let mark = self.journal.mark();
        let scan = self.scan.activate_and_wait(PATIENCE).await.map_err(unavailable)?;
        let automation = self.automate.activate_and_wait(PATIENCE).await.map_err(unavailable)?;
        let mut lines = Vec::new();
        let mut failed = 0;
        for scanned in &scan.scanned {
            match &scanned.tags {
                Ok(tags) => lines.push(format!("{}: {}", scanned.repository, counted(*tags, "tag"))),
                Err(error) => {
                    failed += 1;
                    lines.push(error.clone());
                }
            }
        }
        let landed = self.journal.since(mark);
        for landed in &landed {
            for bump in &landed.bumps {
                let from = bump
                    .from
                    .as_ref()
                    .map_or_else(|| "no tag".to_owned(), ToString::to_string);
                lines.push(format!(
                    "{}: {from} -> {} in {}",
                    bump.field,
                    bump.to,
                    landed.commit.short()
                ));
            }
        }
        let proposed = automation.proposed.as_ref();
        if let Some(proposed) = proposed {
            for bump in &proposed.bumps {
                let where_to = proposed.request.as_deref().unwrap_or(proposed.branch.as_str());
                lines.push(format!("{}: {} waits in {where_to}", bump.field, bump.to));
            }
        }
        let bumps = landed.iter().map(|landed| landed.bumps.len()).sum();
        let bumped = if let (0, Some(proposed)) = (bumps, proposed) {
            format!(
                "{} proposed on {}",
                counted(proposed.bumps.len(), "image"),
                proposed.branch
            )
        } else if bumps == 0 {
            "nothing bumped".into()
        } else {
            format!("{} bumped", counted(bumps, "image"))
        };
        lines.extend(automation.problems.iter().cloned());
        Ok(CommandReport {
            summary: format!("{} scanned, {failed} failed; {bumped}", scan.scanned.len()),
            lines,
            ok: failed == 0 && automation.problems.is_empty(),
        })
    }

    async fn sync_now(&self) -> Result<CommandReport, CommandError> {
        self.keys.activate();
        if let Err(reason) = self.follow.activate_and_wait(PATIENCE).await.map_err(unavailable)? {
            return Ok(CommandReport {
                summary: "the config repo could not be fetched".into(),
                lines: vec![reason],
                ok: false,
            });
        }
        let ends = self.sync.activate_and_wait(PATIENCE).await.map_err(unavailable)?;
        let reports = ends.iter().map(|(_, end)| self.report(end));
        reports.reduce(joined).ok_or_else(|| unavailable(NoAnswer::Ended))
    }

    fn report(&self, end: &SyncEnd) -> CommandReport {
        match end {
            SyncEnd::Ran(report) => {
                let mut told = told(report);
                if let Some(problem) = self.tip.withheld() {
                    told.lines.push(problem);
                    told.ok = false;
                }
                told
            }
            SyncEnd::Failed(reason) => CommandReport {
                summary: "the sync could not run".into(),
                lines: vec![reason.clone()],
                ok: false,
            },
        }
    }
}

/// The reports of two targets as one.
fn joined(mut one: CommandReport, other: CommandReport) -> CommandReport {
    one.summary = format!("{}; {}", one.summary, other.summary);
    one.lines.extend(other.lines);
    one.ok &= other.ok;
    one
}

fn told(report: &SyncReport) -> CommandReport {
    let changed = report
        .applied
        .iter()
        .filter(|object| object.change != Change::Unchanged);
    let mut lines: Vec<String> = changed
        .map(|object| format!("{} {}", object.id, object.change))
        .collect();
    lines.extend(report.pruned.iter().map(|id| format!("{id} pruned")));
    lines.extend(report.problems());
    lines.extend(report.findings.iter().map(ToString::to_string));
    lines.extend(
        report
            .retained
            .iter()
            .map(|(id, why)| format!("{id} is no longer declared and stays: {why}")),
    );
    CommandReport {
        summary: format!(
            "commit {}: {} declared, {} applied, {} pruned, {} failed, {}",
            report.commit.short(),
            counted(report.declared, "object"),
            report.applied.len(),
            report.pruned.len(),
            report.failed.len(),
            counted(report.findings.len(), "finding")
        ),
        lines,
        ok: report.is_in_sync()
            && report
                .findings
                .iter()
                .all(|finding| finding.severity != Severity::Error),
    }
}

/// `1 tag`, `2 tags`.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

fn unavailable(error: NoAnswer) -> CommandError {
    CommandError::Unavailable(error.to_string())
}

impl Commands for AgentCommands {
    fn scan(&self, repository: Option<String>) -> BoxFuture<'_, Result<CommandReport, CommandError>> {
        self.scan_now(repository).boxed()
    }

    fn sync(&self) -> BoxFuture<'_, Result<CommandReport, CommandError>> {
        self.sync_now().boxed()
    }

    fn pushed(&self, branch: Option<&str>) -> bool {
        let is_ours = branch.is_none_or(|branch| branch == self.branch.as_str());
        if is_ours {
            self.follow.activate();
        }
        is_ours
    }

    fn status(&self) -> serde_json::Value {
        serde_json::to_value(&**self.status.borrow()).unwrap_or_default()
    }
}
