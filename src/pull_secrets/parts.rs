use crate::driver::Wake;
use crate::model::TargetId;
use crate::notice::Reporter;
use crate::spread::PullRule;
use crate::telemetry::Metrics;
use jiff::Timestamp;
use std::sync::Arc;

/// What the loop works with.
pub struct Parts<C, T> {
    /// The cluster.
    pub target: TargetId,
    /// Its Secrets, namespaces and ServiceAccounts.
    pub cluster: Arc<C>,
    /// Makes logins.
    pub source: Arc<T>,
    /// The rules. Empty: what the agent has left behind is taken away.
    pub rules: Arc<[PullRule]>,
    /// Reports what happens.
    pub reporter: Reporter,
    /// Counts.
    pub metrics: Metrics,
    /// Wakes the loop when a request for a login has ended.
    pub wake: Wake,
    /// The time.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Returns a number in `0.0..=1.0`, another number for each call.
    pub jitter: fn() -> f64,
}
