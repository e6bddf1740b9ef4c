use crate::model::{CommitId, ObjectId};
use std::fmt;

/// What the agent reports about HelmReleases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseEvent {
    /// Something was done to a release.
    Happened {
        /// The HelmRelease.
        id: ObjectId,
        /// The Helm release.
        release: String,
        /// What was done.
        action: ReleaseAction,
        /// The revision that it was done to, or that it made.
        revision: u32,
        /// The commit that the cluster is at.
        commit: CommitId,
        /// Why it failed.
        problem: Option<String>,
    },
    /// An object of a release was put back to what the newest revision has.
    Repaired {
        /// The HelmRelease.
        id: ObjectId,
        /// The Helm release.
        release: String,
        /// The object.
        object: ObjectId,
        /// Who had changed it, if somebody is known.
        by: Option<String>,
        /// The fields that were changed; empty if the object was gone.
        fields: Vec<String>,
    },
    /// Condition: objects of a release are not as its newest revision has them, and an annotation asks to leave them so.
    Drifted {
        /// The HelmRelease.
        id: ObjectId,
        /// Which objects, and who changed them.
        message: String,
    },
    /// Condition: a HelmRelease is not carried out as declared.
    Failing {
        /// The HelmRelease.
        id: ObjectId,
        /// Why, and what to do.
        message: String,
    },
    /// Condition: no HelmRelease is carried out.
    Off {
        /// Why, and what to do.
        reason: String,
    },
}

/// What was done to a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseAction {
    /// The first revision was made.
    Installed,
    /// A further revision was made.
    Upgraded,
    /// The tests ran.
    Tested,
    /// The release went back to an earlier revision.
    RolledBack,
    /// The release and its objects were deleted.
    Uninstalled,
    /// A revision that nobody worked on any more was marked as failed.
    LedOut,
    /// The release of somebody else became the agent's.
    TakenOver,
}

impl ReleaseAction {
    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "install",
            Self::Upgraded => "upgrade",
            Self::Tested => "test",
            Self::RolledBack => "rollback",
            Self::Uninstalled => "uninstall",
            Self::LedOut => "lead-out",
            Self::TakenOver => "take-over",
        }
    }

    /// The reason of a Kubernetes event.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Installed => "ReleaseInstalled",
            Self::Upgraded => "ReleaseUpgraded",
            Self::Tested => "ReleaseTested",
            Self::RolledBack => "ReleaseRolledBack",
            Self::Uninstalled => "ReleaseUninstalled",
            Self::LedOut => "ReleaseLedOut",
            Self::TakenOver => "ReleaseTakenOver",
        }
    }
}

impl fmt::Display for ReleaseAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Installed => "installed",
            Self::Upgraded => "upgraded",
            Self::Tested => "tested",
            Self::RolledBack => "rolled back",
            Self::Uninstalled => "uninstalled",
            Self::LedOut => "a cut-off operation was marked as failed",
            Self::TakenOver => "taken over from whoever made it",
        })
    }
}

impl ReleaseEvent {
    pub(super) fn identity(&self) -> String {
        match self {
            Self::Failing { id, .. } => id.to_string(),
            Self::Drifted { id, .. } => format!("{id} drift"),
            _ => String::new(),
        }
    }

    pub(super) fn version(&self) -> String {
        match self {
            Self::Failing { message, .. } | Self::Drifted { message, .. } => message.clone(),
            Self::Off { reason } => reason.clone(),
            Self::Happened { .. } | Self::Repaired { .. } => String::new(),
        }
    }
}
