//! `/v1`: commands and status, for callers with the token; and the client of the command line.

mod bearer;
mod client;
mod handlers;

pub use client::{Client, ClientError};
pub(super) use handlers::routes;
