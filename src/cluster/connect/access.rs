use super::error::ConnectError;
use super::{in_cluster, kubeconfig};
use kube::Config;
use std::path::PathBuf;

/// How a cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// As the service account of the pod that this process runs in.
    InCluster,
    /// As a kubeconfig says.
    Kubeconfig {
        /// The kubeconfig's path.
        path: PathBuf,
        /// The context; `None` for the kubeconfig's current one.
        context: Option<String>,
    },
}

impl Access {
    /// The client's configuration: address, credentials, and the default namespace of the context or pod.
    pub(in crate::cluster) async fn config(&self) -> Result<Config, ConnectError> {
        match self {
            Self::InCluster => in_cluster::config(),
            Self::Kubeconfig { path, context } => kubeconfig::config(path, context.as_deref()).await,
        }
    }

    /// The namespace of objects whose manifests name none: `default` in a pod, the context's with a kubeconfig.
    pub(in crate::cluster) fn default_namespace(&self, config: &Config) -> String {
        match self {
            Self::InCluster => "default".to_owned(),
            Self::Kubeconfig { .. } => config.default_namespace.clone(),
        }
    }
}
