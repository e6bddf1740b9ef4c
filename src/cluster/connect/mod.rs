//! How a cluster is reached: from inside it as a pod, or by a kubeconfig. A further way is a file here and a variant of
//! [`Access`].

mod access;
mod error;
mod in_cluster;
mod kubeconfig;

pub use access::Access;
pub use error::ConnectError;
