use std::path::PathBuf;

/// Why there is no client for a cluster. No request has been sent yet.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be used.
    #[error("kubeconfig {path}: cannot be used; check the path, its current-context and that the files it names exist")]
    Kubeconfig {
        /// The kubeconfig's path.
        path: PathBuf,
        /// What kube found.
        #[source]
        source: Box<kube::config::KubeconfigError>,
    },
    /// The process does not run in a pod with a service account.
    #[error(
        "no kubeconfig is set, and the process does not run in a pod with a service account; set KUBECONFIG to a kubeconfig's path, or \
         give the pod a service account whose token is mounted"
    )]
    InCluster {
        /// What kube found.
        #[source]
        source: Box<kube::config::InClusterError>,
    },
    /// The credentials or certificates cannot be used.
    #[error("the cluster's certificates or credentials cannot be used")]
    Client {
        /// What kube found.
        #[source]
        source: Box<kube::Error>,
    },
}
