//! The way to the server: SSH or HTTP, and libgit2's transports over both.
//!
//! A [`Connection`](connection::Connection) keeps connections open between calls and replaces dead ones. Every wait has a
//! deadline, and a stop ends every wait. Knows nothing of what is fetched or pushed.

pub(crate) mod connection;
pub(crate) mod endpoint;
pub(crate) mod error;
pub(crate) mod http;
pub(crate) mod libgit2;
pub(crate) mod refusal;
pub(crate) mod server_message;
pub(crate) mod service;
pub(crate) mod ssh;

pub use http::{CredentialsError, HttpAccess};
