use crate::model::TargetId;
use crate::port::{ClusterFailure, MirrorObjects};
use crate::spread::set_of_another_cluster;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Which cluster, by its UID, belongs to which target. Two targets of one cluster would take each other's copies away.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    /// The targets that rules name.
    ruled: Arc<BTreeSet<TargetId>>,
    owners: Arc<Mutex<BTreeMap<String, TargetId>>>,
}

/// Why there are no copies in a cluster.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAnother {
    #[error("the agent's own cluster cannot be recognised: {0}")]
    HomeUnknown(ClusterFailure),
    #[error("the cluster of the target cannot be recognised: {0}")]
    TargetUnknown(ClusterFailure),
    #[error(
        "the target is the agent's own cluster under another address: copies there belong to the target of the agent's own cluster, so remove \
         this one from targets of the rules"
    )]
    IsHome,
    #[error("the target is the same cluster as target {0}: name one of the two in the rules")]
    IsTaken(TargetId),
    #[error("the cluster of target {0}, which may be the same one, is not known yet")]
    Unsettled(TargetId),
}

impl NotAnother {
    /// Whether an API server was away.
    pub(super) fn is_outage(&self) -> bool {
        match self {
            Self::HomeUnknown(failure) | Self::TargetUnknown(failure) => failure.is_outage(),
            Self::Unsettled(_) => true,
            Self::IsHome | Self::IsTaken(_) => false,
        }
    }
}

impl Claims {
    /// No cluster is known yet. `ruled`: the targets that rules name.
    pub fn new(ruled: BTreeSet<TargetId>) -> Self {
        Self {
            ruled: Arc::new(ruled),
            owners: Arc::default(),
        }
    }

    /// What the agent's marks name in the cluster of a target, which is not its own: the agent's set and the UID of its own cluster are in it.
    pub(super) async fn set_of(
        &self,
        target: &TargetId,
        set: &str,
        home: &impl MirrorObjects,
        cluster: &impl MirrorObjects,
    ) -> Result<String, NotAnother> {
        let home = home.uid().await.map_err(NotAnother::HomeUnknown)?;
        let uid = cluster.uid().await.map_err(NotAnother::TargetUnknown)?;
        if uid == home {
            return Err(NotAnother::IsHome);
        }
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.retain(|known, owner| owner != target || *known == uid);
        if self.ruled.contains(target) {
            owners.entry(uid.clone()).or_insert_with(|| target.clone());
        }
        match owners.get(&uid).filter(|owner| *owner != target) {
            Some(owner) => return Err(NotAnother::IsTaken(owner.clone())),
            // A target without rules has copies to take away, if no other target keeps them.
            None if !self.ruled.contains(target) => {
                let is_unknown = |ruled: &&TargetId| !owners.values().any(|owner| owner == *ruled);
                if let Some(unknown) = self.ruled.iter().find(is_unknown) {
                    return Err(NotAnother::Unsettled(unknown.clone()));
                }
            }
            None => {}
        }
        Ok(set_of_another_cluster(set, &home))
    }
}
