//! Git's wire protocol as far as Tidegate speaks it itself: packets, advertisements, and pushes with their reports. libgit2
//! fetches.
//!
//! Every failure here is a failure of the exchange with the server, so this folder uses the error of the transport.

pub(crate) mod advertisement;
pub(crate) mod branch_tip;
pub(crate) mod pkt_line;
pub(crate) mod push;
pub(crate) mod push_reply;
pub(crate) mod push_standby;
pub(crate) mod references;
pub(crate) mod update;
