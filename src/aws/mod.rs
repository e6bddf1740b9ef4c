//! How the agent calls AWS: with which identity and endpoint, how long a call may take, how often it is retried.
//!
//! Flow: a room that has an AWS client calls `Sdk::load` with an [`Identity`] and an [`Endpoint`], and builds the client
//! from the settings. Loading sends no request: credentials are fetched at the first call. The credentials of each identity and
//! endpoint are kept (`kept`); a `source` says where they come from: the agent's environment, or a role that `assume` assumes at
//! the STS of the same region, with the credentials of the identity before it in the chain. `Sdk::forget` drops credentials
//! that AWS calls expired.
//!
//! Invariants: the region is always given and never guessed; no setting is global to the process; every call has deadlines;
//! credentials are renewed well before they end, by one request at a time, and the old ones are used while that fails; STS is
//! always called at the endpoint of a region; the behaviour of the SDK is pinned to a date, so that an update of the crate does
//! not change it.
//!
//! [`EksCluster`] has the address of a cluster of EKS, and tokens for its API server.
//!
//! Deliberately absent: the client of any service but STS. Only this room, `registry`, `forge` and `cluster` know AWS.

mod agent_chain;
mod assume;
mod caller;
mod ecr_host;
mod eks;
mod eks_address;
mod eks_failure;
mod endpoint;
mod failure;
mod identity;
mod kept;
mod loader;
mod partition;
mod role;
#[cfg(test)]
mod script;
mod sdk;
mod sign;
mod source;
#[cfg(test)]
mod tests;
mod text;
mod trust;

pub use caller::{caller, statements_for_reading};
pub use ecr_host::EcrHost;
pub use eks::EksCluster;
pub use eks_address::EksAddress;
pub use eks_failure::EksFailure;
pub use endpoint::Endpoint;
pub use failure::{CredentialsFailure, RoleFailure};
pub use identity::Identity;
pub use loader::CallLimits;
pub use partition::Partition;
pub use role::{ExternalId, Role, RoleArn, SessionName};
pub use sdk::Sdk;
pub use sign::Signer;
pub(crate) use text::{chain, plain, source as cause};
