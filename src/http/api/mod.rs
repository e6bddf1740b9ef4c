//! `/v1`: commands and status, for callers with the token; and the client of the command line.

mod bearer;
pub(super) mod client;
mod handlers;

pub(super) use handlers::routes;
