use crate::model::TargetId;
use crate::notice::Reporter;
use crate::spread::MirrorRule;
use crate::telemetry::Metrics;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the loop works with.
pub struct Parts<S, C> {
    /// The cluster of the copies.
    pub target: TargetId,
    /// Whether it is the agent's own cluster, which has the sources.
    pub is_home: bool,
    /// The agent's set in its own cluster, which marks and labels name.
    pub set: String,
    /// The Secrets and ConfigMaps that are mirrored.
    pub sources: Arc<S>,
    /// The Secrets, ConfigMaps and namespaces of the target.
    pub cluster: Arc<C>,
    /// The rules that reach the target. Empty: what the agent has left behind is taken away.
    pub rules: Arc<[MirrorRule]>,
    /// The clusters that rules for annotated sources reach.
    pub all_targets: Arc<BTreeSet<TargetId>>,
    /// Which cluster belongs to which target.
    pub claims: super::Claims,
    /// Reports what happens.
    pub reporter: Reporter,
    /// Counts.
    pub metrics: Metrics,
    /// The time.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}
