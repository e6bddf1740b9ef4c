//! Waiting for what the story promises, on the API server and in the repository.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures::TryStreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::runtime::{WatchStreamExt as _, watcher};

/// Every promise of the story comes true within seconds; a busy machine gets a minute.
pub(super) const WITHIN: Duration = Duration::from_secs(60);

pub(super) fn deployments(client: &kube::Client) -> Api<Deployment> {
    Api::namespaced(client.clone(), "shop")
}

pub(super) fn services(client: &kube::Client) -> Api<Service> {
    Api::namespaced(client.clone(), "shop")
}

/// Watches an object until `is` says so.
pub(super) async fn until<K>(api: Api<K>, name: &str, what: &str, is: impl Fn(&K) -> bool) -> Result<K>
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
    K::DynamicType: Default + Clone,
{
    let watched = async {
        let config = watcher::Config::default().fields(&format!("metadata.name={name}"));
        let mut objects = std::pin::pin!(watcher(api, config).default_backoff().applied_objects());
        while let Some(object) = objects.try_next().await? {
            if is(&object) {
                return Ok(object);
            }
        }
        bail!("the watch ended")
    };
    tokio::time::timeout(WITHIN, watched)
        .await
        .with_context(|| format!("not within a minute: {what}"))?
}

pub(super) fn image(deployment: &Deployment) -> &str {
    deployment
        .spec
        .template
        .spec
        .as_ref()
        .and_then(|pod| pod.containers.first())
        .and_then(|container| container.image.as_deref())
        .unwrap_or_default()
}

/// Whether all pods run the newest template (kstatus' rule for Deployments).
pub(super) fn rolled_out(deployment: &Deployment) -> bool {
    let expected = deployment.spec.replicas.unwrap_or(1);
    deployment.status.as_ref().is_some_and(|status| {
        status.observed_generation == deployment.metadata.generation
            && status.updated_replicas.unwrap_or(0) == expected
            && status.available_replicas.unwrap_or(0) == expected
            && status.replicas.unwrap_or(0) == expected
    })
}
