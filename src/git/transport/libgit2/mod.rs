//! libgit2's transports for `ssh`, `https` and `http`, over our own connections. libgit2 fetches through them; pushes do not
//! use libgit2.

pub(crate) mod cache;
pub(crate) mod call;
mod http_stream;
mod pack;
pub(crate) mod register;
mod side_band;
mod ssh_stream;
