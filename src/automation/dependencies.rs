use super::history_reader::SharedHistory;
use super::proposal_branch::ProposalBranch;
use crate::driver::Wake;
use crate::model::HoldUntil;
use crate::notice::Reporter;
use crate::plan::{CommitPer, Template};
use crate::policy::ScanRules;
use crate::port::{Branch, DeclaredSource, DeniedObjects, ObjectHealths, ScanState};
use crate::status::AutomationStatus;
use crate::telemetry::Metrics;
use std::sync::Arc;
use tokio::sync::watch;

/// The text and the number of the commits that a pass makes.
#[derive(Debug, Clone, Default)]
pub(crate) struct CommitStyle {
    /// The part of the message above the trailers.
    pub template: Template,
    /// How the bumps of a pass are cut into commits.
    pub per: CommitPer,
}

/// The dependencies of the automation loop. The composition root passes them in.
pub(crate) struct Dependencies<R> {
    /// The repository that commits are pushed to.
    pub repo: Arc<R>,
    /// Reads what commits declare.
    pub declared: Arc<dyn DeclaredSource>,
    /// The repositories to scan, and what scans found.
    pub scan_state: Arc<ScanState>,
    /// The objects that the agent may not apply.
    pub denied: DeniedObjects,
    /// The repositories and tags that may be used.
    pub rules: Arc<ScanRules>,
    /// The followed branch.
    pub branch: Branch,
    /// The branch's history as far as it has been read. It can be read again from git: losing it costs time and nothing else.
    pub history: SharedHistory,
    /// The messages of commits, and how bumps are split into commits.
    pub style: CommitStyle,
    /// What ends a hold where the workload does not say it.
    pub until: HoldUntil,
    /// Whether a failed rollout takes a bump back where the workload does not say it.
    pub revert_on_failure: bool,
    /// How the workloads are that the sync loops apply.
    pub healths: ObjectHealths,
    /// Where the decisions of the newest pass are published.
    pub status: watch::Sender<Arc<AutomationStatus>>,
    /// The counters of passes, pushes and bumps.
    pub metrics: Metrics,
    /// Wakes the scan loop: something has to be read from a registry.
    pub scan: Wake,
    /// Wakes the sync loop: the branch has a new head.
    pub sync: Wake,
    /// Reports decisions, each commit that landed, and problems.
    pub reporter: Reporter,
    /// Returns a random number in `0.0..=1.0`.
    pub jitter: fn() -> f64,
    /// The branch for proposals. If it is set, commits go to this branch and people merge them into the followed branch.
    pub proposals: Option<Arc<ProposalBranch>>,
}
