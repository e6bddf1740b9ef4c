use crate::driver::Wake;
use crate::model::{CommitId, ConfigBranch, Repository, TargetId};
use crate::notice::Reporter;
use crate::port::DeclaredSource;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// The commit that the cluster is at; `None` while a sync pass runs.
pub type SyncPoint = Arc<dyn Fn() -> Option<CommitId> + Send + Sync>;

/// The tags of a repository in an OCI registry, or why they cannot be listed.
pub type TagsOf = Arc<dyn Fn(Repository) -> BoxFuture<'static, Result<Vec<String>, String>> + Send + Sync>;

/// What the loop is made of.
pub struct Parts<C, H, G> {
    /// The target.
    pub target: TargetId,
    /// The HelmReleases, and Helm's storage.
    pub cluster: Arc<C>,
    /// The helm program, or why there is none.
    pub helm: Result<Arc<H>, String>,
    /// The config repo.
    pub repo: Arc<G>,
    /// What commits declare.
    pub declared: Arc<dyn DeclaredSource>,
    /// The branch that the agent follows.
    pub own: Option<ConfigBranch>,
    /// The commit that the cluster is at.
    pub applied: SyncPoint,
    /// Whether the set has, or may have, HelmReleases that the server serves.
    pub is_needed: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Lists the tags of charts in OCI registries.
    pub tags: TagsOf,
    /// How often the versions of charts are listed of which HelmReleases name ranges.
    pub chart_interval: Duration,
    /// Reports.
    pub reporter: Reporter,
    /// Wakes this loop.
    pub wake: Wake,
}
