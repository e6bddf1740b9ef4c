use super::digest::InputDigest;
use super::revision::{Revision, RevisionStatus};
use std::fmt;

/// The state of a release, by what Helm's storage shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// There is no revision.
    Absent,
    /// The newest revision is deployed, and was made of the same chart and values.
    Deployed,
    /// The newest revision is deployed, and was made of another chart or other values.
    Outdated,
    /// The newest revision is deployed, and somebody else made it: Helm Operator, Flux, or a person.
    Foreign,
    /// The newest revision failed, and was made of the same chart and values.
    Failed,
    /// The newest revision failed, and was made of another chart or other values, or by somebody else.
    FailedBefore,
    /// An operation of Helm is under way or was cut off.
    Pending(RevisionStatus),
    /// The release was uninstalled, and its history kept.
    Uninstalled,
    /// No revision is in force: the newest one is marked as replaced.
    Lost,
}

impl State {
    /// The state by the revisions, ordered by number.
    pub(super) fn of(stored: &[Revision], inputs: &InputDigest) -> Self {
        let Some(newest) = stored.last() else {
            return Self::Absent;
        };
        let is_same = newest.inputs.as_ref() == Some(inputs);
        match newest.status {
            RevisionStatus::Deployed if is_same => Self::Deployed,
            RevisionStatus::Deployed if newest.inputs.is_none() => Self::Foreign,
            RevisionStatus::Deployed => Self::Outdated,
            RevisionStatus::Failed if is_same => Self::Failed,
            RevisionStatus::Failed => Self::FailedBefore,
            RevisionStatus::Uninstalled => Self::Uninstalled,
            RevisionStatus::Superseded => Self::Lost,
            pending => Self::Pending(pending),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "absent",
            Self::Deployed => "deployed",
            Self::Outdated => "outdated",
            Self::Foreign => "foreign",
            Self::Failed => "failed",
            Self::FailedBefore => "failed before",
            Self::Pending(status) => status.as_str(),
            Self::Uninstalled => "uninstalled",
            Self::Lost => "lost",
        })
    }
}
