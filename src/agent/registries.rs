//! The registries as the agent reads them. A further kind of registry gets its settings here.

use crate::aws::Sdk;
use crate::config::RegistrySettings;
use crate::model::Wildcard;
use crate::registry::{OciSettings, ReadLimits, Router};
use crate::telemetry::Metrics;

/// The clients of all registries. They send no request before the first listing.
pub(super) fn router(registries: &[RegistrySettings], sdk: &Sdk, metrics: Metrics) -> Router {
    let oci = registries.iter().map(|registry| OciSettings {
        host: Wildcard::new(&registry.host),
        docker_config: registry.docker_config.clone(),
        ca: registry.ca.clone(),
        plain_http: registry.plain_http,
    });
    let identities = registries
        .iter()
        .map(|registry| (Wildcard::new(&registry.host), registry.identity.clone()));
    Router::new(sdk.clone(), oci.collect(), ReadLimits::default(), metrics).with_identities(identities.collect())
}
