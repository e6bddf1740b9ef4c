use super::error::ConnectError;
use kube::Config;

/// The API server of the cluster that this pod runs in, as the pod's service account.
pub(super) fn config() -> Result<Config, ConnectError> {
    Config::incluster().map_err(|source| ConnectError::InCluster {
        source: Box::new(source),
    })
}
