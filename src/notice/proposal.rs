use super::automation::FieldBump;
use crate::model::{BranchName, CommitId};

/// What the agent reports about the branch that people merge, and about its request on the forge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProposalEvent {
    /// The branch holds new bumps.
    Proposed {
        /// The branch.
        branch: BranchName,
        /// The branch's head.
        commit: CommitId,
        /// All bumps that the branch holds.
        bumps: Vec<FieldBump>,
    },
    /// A request was opened.
    RequestOpened {
        /// The request's web address.
        url: String,
        /// The request's title.
        title: String,
    },
    /// An open request describes what the branch holds now.
    RequestUpdated {
        /// The request's web address.
        url: String,
    },
    /// A request was closed because nothing is left to propose.
    RequestClosed {
        /// The request's web address.
        url: String,
    },
    /// The branch was removed because nothing is left to propose.
    BranchRemoved {
        /// The branch.
        branch: BranchName,
    },
}
