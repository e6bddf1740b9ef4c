//! Git's smart HTTP protocol: requests instead of SSH commands. Source: gitprotocol-http(5), "Smart Clients".

pub(crate) mod answer;
pub(crate) mod client;
pub(crate) mod credentials;
mod tls_client;

pub use credentials::{CredentialsError, HttpAccess};
