//! Git over SSH: commands on one host, over a connection that is kept open between commands. Every wait has a deadline.

pub(crate) mod client;
pub(crate) mod connect;
mod host_check;
pub(crate) mod login_keys;
pub(crate) mod remote_command;
mod socket;
pub(crate) mod ssh_connection;
pub(crate) mod standby;
