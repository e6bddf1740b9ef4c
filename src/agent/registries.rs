//! The registries as the agent reads them. A further kind of registry gets its settings here.

use crate::aws::{CallLimits, Sdk};
use crate::registry::{ReadLimits, Router};
use crate::telemetry::Metrics;

/// The clients of all registries. They send no request before the first listing.
pub(super) fn router(metrics: Metrics) -> Router {
    Router::new(Sdk::new(CallLimits::default()), ReadLimits::default(), metrics)
}
