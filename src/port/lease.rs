//! The Lease by which replicas of the agent agree who works.

use super::cluster::ClusterFailure;
use jiff::Timestamp;
use std::future::Future;
use std::time::Duration;

/// What a Lease says (`coordination.k8s.io/v1`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRecord {
    /// Who holds the Lease; `None`: nobody.
    pub holder: Option<String>,
    /// When the holder renewed the Lease, as the holder's clock had it. Compared for equality alone: clocks differ.
    pub renewed: String,
    /// Since when the holder has held the Lease, by the holder's clock.
    pub acquired: Option<Timestamp>,
    /// How often the holder has changed.
    pub transitions: i32,
    /// How long after its last renewal the Lease may be taken.
    pub duration: Duration,
    /// The version of the object.
    pub version: String,
}

/// One Lease of the cluster that the agent runs in.
pub trait LeaseApi: Send + Sync {
    /// Reads the Lease; `None`: there is none.
    fn read(&self) -> impl Future<Output = Result<Option<LeaseRecord>, ClusterFailure>> + Send;

    /// Writes a holder with a new time of renewal, if the Lease still is as it was read (`None`: there is none).
    ///
    /// # Errors
    /// [`ClusterFailure::Conflict`]: somebody else has written meanwhile.
    fn write(
        &self,
        read: Option<&LeaseRecord>,
        holder: Option<&str>,
        duration: Duration,
    ) -> impl Future<Output = Result<(), ClusterFailure>> + Send;
}
