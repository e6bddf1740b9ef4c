use crate::model::{CommitId, FieldId, Position, RepoPath, Tag};
use crate::plan::{Outcome, PlannedRevert};

/// What the agent reports about image fields and their bumps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AutomationEvent {
    /// Condition: what was decided about an image field that is not bumped.
    FieldDecided {
        /// The field.
        field: FieldId,
        /// The file.
        path: RepoPath,
        /// Where the tag is.
        position: Position,
        /// What was decided.
        outcome: Outcome,
        /// Why, in one sentence.
        reason: String,
    },
    /// Condition: the history has more commits than are read. Reverts before them make no holds.
    HistoryCut {
        /// How many commits are read.
        commits: usize,
    },
    /// A commit of ours is on the branch.
    CommitLanded {
        /// The commit.
        commit: CommitId,
        /// What the commit bumps.
        bumps: Vec<FieldBump>,
    },
    /// A commit of ours that takes back bumps whose rollouts failed is on the branch.
    TakenBack {
        /// The commit.
        commit: CommitId,
        /// What the commit takes back.
        reverts: Vec<PlannedRevert>,
    },
    /// Condition: the image of a field fails, and the bump stays.
    BumpStays {
        /// The field.
        field: FieldId,
        /// Why the bump is not taken back.
        reason: String,
    },
    /// Condition: bumps are planned and cannot be made.
    BumpsNotMade {
        /// Why, and what to do.
        problem: String,
    },
    /// Others moved the branch first; the pass decides again on the new head.
    RaceLost,
}

/// One image field that a commit moved to another tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldBump {
    /// The file.
    pub path: RepoPath,
    /// The field.
    pub field: FieldId,
    /// The image's name after, if it is another than before.
    pub new_name: Option<String>,
    /// The tag before.
    pub from: Option<Tag>,
    /// The tag after.
    pub to: Tag,
}

impl AutomationEvent {
    pub(super) fn identity(&self) -> String {
        match self {
            Self::FieldDecided { field, path, .. } => format!("{path} {field}"),
            Self::BumpsNotMade { problem } => problem.clone(),
            Self::BumpStays { field, .. } => field.to_string(),
            Self::HistoryCut { .. } | Self::CommitLanded { .. } | Self::TakenBack { .. } | Self::RaceLost => {
                String::new()
            }
        }
    }

    pub(super) fn version(&self) -> String {
        match self {
            Self::FieldDecided { reason, .. } | Self::BumpStays { reason, .. } => reason.clone(),
            _ => String::new(),
        }
    }
}
