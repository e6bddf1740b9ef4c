use super::cluster::ClusterFailure;
use std::future::Future;

/// A Kubernetes event. `kubectl describe` shows it on the target's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterEvent {
    /// True for type `Warning`: a person should look. False for type `Normal`.
    pub warning: bool,
    /// One word in upper camel case (`Applied`).
    pub reason: &'static str,
    /// The note, for people. The edge cuts it at 1,024 bytes.
    pub message: String,
}

/// Writes Kubernetes events in the agent's own cluster; `kubectl describe` shows the events on the agent's record.
pub trait EventWriter: Send + Sync + 'static {
    /// Writes one event, within a deadline.
    fn write(&self, event: &ClusterEvent) -> impl Future<Output = Result<(), ClusterFailure>> + Send;
}
