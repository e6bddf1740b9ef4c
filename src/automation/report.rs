use crate::model::{BranchName, CommitId};
use crate::plan::PlannedBump;

/// What one pass did.
#[derive(Debug, Clone, Default)]
pub(crate) struct AutomationReport {
    /// The last commit that landed on the followed branch, with its bumps.
    pub landed: Option<Landed>,
    /// What is on the proposal branch and waits for people to merge it.
    pub proposed: Option<Proposed>,
    /// Why planned bumps were not made, one sentence each.
    pub problems: Vec<String>,
}

impl AutomationReport {
    /// The report of a pass that did nothing but meet this problem.
    pub(super) fn of_problem(problem: String) -> Self {
        Self {
            problems: vec![problem],
            ..Self::default()
        }
    }
}

/// A commit of ours that landed on the followed branch.
#[derive(Debug, Clone)]
pub(crate) struct Landed {
    /// The commit's id.
    pub commit: CommitId,
    /// The bumps that the commit makes.
    pub bumps: Vec<PlannedBump>,
}

/// Bumps on the proposal branch.
#[derive(Debug, Clone)]
pub(crate) struct Proposed {
    /// The proposal branch.
    pub branch: BranchName,
    /// The bumps that the branch makes.
    pub bumps: Vec<PlannedBump>,
    /// The web address of the open request, if a forge is configured and answered.
    pub request: Option<String>,
}

/// The end of one try of a pass.
pub(super) enum Try {
    /// The pass is over.
    Done(AutomationReport),
    /// Somebody else moved the branch first.
    LostRace,
}
