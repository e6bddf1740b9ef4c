use super::automation::AutomationEvent;
use super::key::KeyEvent;
use super::mirror::MirrorEvent;
use super::proposal::ProposalEvent;
use super::pull_secret::PullSecretEvent;
use super::release::ReleaseEvent;
use super::repo::RepoEvent;
use super::scan::ScanEvent;
use super::sync::SyncEvent;
use crate::model::TargetId;

/// Everything that the agent reports, one enum for each concern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The config repo and its branch.
    Repo(RepoEvent),
    /// Registries.
    Scan(ScanEvent),
    /// Image fields and their bumps.
    Automation(AutomationEvent),
    /// The branch that people merge, and its request.
    Proposal(ProposalEvent),
    /// A target's objects.
    Sync(TargetId, SyncEvent),
    /// A target's HelmReleases.
    Release(TargetId, ReleaseEvent),
    /// A target's mirrors.
    Mirror(TargetId, MirrorEvent),
    /// A target's pull secrets.
    PullSecret(TargetId, PullSecretEvent),
    /// The deploy key or login.
    Key(KeyEvent),
}

impl Event {
    /// Two events of one topic with the same identity are the same condition. Empty where a topic has one condition.
    pub(super) fn identity(&self) -> String {
        match self {
            Self::Repo(event) => event.identity(),
            Self::Scan(_) | Self::Proposal(_) | Self::Key(_) => String::new(),
            Self::Automation(event) => event.identity(),
            Self::Sync(_, event) => event.identity(),
            Self::Release(_, event) => event.identity(),
            Self::Mirror(_, event) => event.identity(),
            Self::PullSecret(_, event) => event.identity(),
        }
    }

    /// A condition whose version changed is news again.
    pub(super) fn version(&self) -> String {
        match self {
            Self::Repo(event) => event.version(),
            Self::Scan(event) => event.version(),
            Self::Proposal(_) => String::new(),
            Self::Automation(event) => event.version(),
            Self::Sync(_, event) => event.version(),
            Self::Release(_, event) => event.version(),
            Self::Mirror(_, event) => event.version(),
            Self::PullSecret(_, event) => event.version(),
            Self::Key(event) => event.version(),
        }
    }
}

impl From<RepoEvent> for Event {
    fn from(event: RepoEvent) -> Self {
        Self::Repo(event)
    }
}

impl From<ScanEvent> for Event {
    fn from(event: ScanEvent) -> Self {
        Self::Scan(event)
    }
}

impl From<ProposalEvent> for Event {
    fn from(event: ProposalEvent) -> Self {
        Self::Proposal(event)
    }
}

impl From<AutomationEvent> for Event {
    fn from(event: AutomationEvent) -> Self {
        Self::Automation(event)
    }
}

impl From<(TargetId, SyncEvent)> for Event {
    fn from((target, event): (TargetId, SyncEvent)) -> Self {
        Self::Sync(target, event)
    }
}

impl From<(TargetId, ReleaseEvent)> for Event {
    fn from((target, event): (TargetId, ReleaseEvent)) -> Self {
        Self::Release(target, event)
    }
}

impl From<(TargetId, MirrorEvent)> for Event {
    fn from((target, event): (TargetId, MirrorEvent)) -> Self {
        Self::Mirror(target, event)
    }
}

impl From<(TargetId, PullSecretEvent)> for Event {
    fn from((target, event): (TargetId, PullSecretEvent)) -> Self {
        Self::PullSecret(target, event)
    }
}

impl From<KeyEvent> for Event {
    fn from(event: KeyEvent) -> Self {
        Self::Key(event)
    }
}
