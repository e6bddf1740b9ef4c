use super::connect::{Eks, KubeconfigSecret, ServiceAccount};
use super::connection::Connection;
use super::secrets::SecretStore;
use crate::aws::{EksAddress, EksCluster};

/// How a remote target is reached.
pub enum RemoteAccess {
    /// By a kubeconfig in a Secret of the agent's own namespace.
    Kubeconfig {
        /// The Secrets of the agent's own cluster.
        secrets: SecretStore,
        /// The Secret's name.
        secret: String,
        /// The entry that has the kubeconfig.
        entry: String,
        /// The context; `None` for the kubeconfig's current one.
        context: Option<String>,
    },
    /// A cluster of EKS.
    Eks {
        /// The cluster, and the identity that it is reached with.
        cluster: Box<EksCluster>,
        /// The address, if EKS is not to be asked for it.
        address: Option<EksAddress>,
    },
}

impl Connection {
    /// A client of a remote target, that acts as `account` there. Sends nothing yet: the address and the credentials are read at the
    /// first request, and again from time to time. Must be called within a tokio runtime.
    pub fn to_target(target: &str, access: RemoteAccess, account: Option<ServiceAccount>) -> Self {
        let name = format!("of target {target}");
        match access {
            RemoteAccess::Kubeconfig {
                secrets,
                secret,
                entry,
                context,
            } => {
                let remote = KubeconfigSecret {
                    secrets,
                    secret,
                    entry,
                    context,
                    account,
                };
                Self::remote(name, Box::new(remote))
            }
            RemoteAccess::Eks { cluster, address } => {
                let remote = Eks {
                    cluster: *cluster,
                    address,
                    account,
                };
                Self::remote(name, Box::new(remote))
            }
        }
    }
}
