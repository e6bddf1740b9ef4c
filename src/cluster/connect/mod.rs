//! How a cluster is reached: from inside it as a pod, by a kubeconfig, or as a remote target whose address and credentials are read
//! when they are needed. A further way to the agent's own cluster is a file here and a variant of [`Access`]; a further way to a
//! remote one is a file here that implements `Remote`.

mod access;
mod eks;
mod error;
mod in_cluster;
mod kubeconfig;
mod kubeconfig_secret;
mod pem;
mod reach;
mod remote;
mod service_account;

pub use access::Access;
pub(in crate::cluster) use eks::Eks;
pub use error::ConnectError;
pub(in crate::cluster) use kubeconfig_secret::KubeconfigSecret;
pub(in crate::cluster) use reach::Remote;
pub(in crate::cluster) use remote::RemoteServer;
pub use service_account::ServiceAccount;
