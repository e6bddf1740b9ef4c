use super::objects::ReleaseObjects;
use super::view::{HelmRelease, ReleaseView};
use crate::model::ObjectId;
use crate::port::ClusterFailure;
use crate::release::{ReleaseName, Revision, SourceKey, Status};
use std::collections::BTreeSet;
use std::future::Future;
use tokio::sync::watch;

/// The HelmReleases of a target, Helm's storage, and the sources of values.
pub trait ReleaseCluster: ReleaseObjects {
    /// Begins to follow the HelmReleases and Helm's storage, unless that has begun.
    fn start(&self);

    /// What the watches show now.
    fn view(&self) -> ReleaseView;

    /// Wakes at each change of the view. The value is a counter without meaning.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Follows exactly these sources of values.
    fn follow(&self, sources: BTreeSet<SourceKey>);

    /// Reads a HelmRelease from the server.
    fn read(&self, id: &ObjectId) -> impl Future<Output = Result<Option<HelmRelease>, ClusterFailure>> + Send;

    /// Writes the status. A HelmRelease that is gone is no failure.
    fn set_status(
        &self,
        release: &HelmRelease,
        status: &Status,
    ) -> impl Future<Output = Result<(), ClusterFailure>> + Send;

    /// Puts the agent's finalizer on a HelmRelease, or takes it away. [`ClusterFailure::Conflict`] if the HelmRelease changed since
    /// it was read.
    fn set_finalizer(
        &self,
        release: &HelmRelease,
        present: bool,
    ) -> impl Future<Output = Result<(), ClusterFailure>> + Send;

    /// Marks a revision in Helm's storage as failed, if nobody has written it since it was read.
    fn mark_failed(
        &self,
        release: &ReleaseName,
        revision: u32,
    ) -> impl Future<Output = Result<(), ClusterFailure>> + Send;

    /// Reads the revisions in Helm's storage from the server.
    fn stored(&self, release: &ReleaseName) -> impl Future<Output = Result<Vec<Revision>, ClusterFailure>> + Send;
}
