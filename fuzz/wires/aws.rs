//! Names of hosts, roles and clusters, and the settings for `config`.

#[path = "../../src/aws/ecr_host.rs"]
mod ecr_host;
#[path = "../../src/aws/eks_address.rs"]
mod eks_address;
#[path = "../../src/aws/endpoint.rs"]
mod endpoint;
#[path = "../../src/aws/identity.rs"]
mod identity;
#[path = "../../src/aws/partition.rs"]
mod partition;
#[path = "../../src/aws/role.rs"]
mod role;

pub use ecr_host::EcrHost;
pub use eks_address::EksAddress;
pub use identity::Identity;
pub use partition::Partition;
pub use role::{ExternalId, Role, RoleArn, SessionName};
