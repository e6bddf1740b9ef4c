use super::cluster::{ClusterFailure, Happening};
use std::future::Future;

/// Writes Kubernetes events in the agent's own cluster; `kubectl describe` shows the events on the agent's record.
pub trait EventWriter: Send + Sync + 'static {
    /// Writes one event, within a deadline.
    fn write(&self, event: &Happening) -> impl Future<Output = Result<(), ClusterFailure>> + Send;
}
