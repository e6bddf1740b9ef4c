//! Which of several replicas of the agent works: the one that holds a Lease.
//!
//! [`Election::acquire`] waits for the Lease, [`Election::keep`] renews it until somebody else holds it, [`Election::release`] gives it
//! back, so that the next replica need not wait.
//!
//! - Nobody compares clocks: a Lease is free once this process has seen no renewal for as long as the Lease lasts (as in
//!   client-go, k8s.io/client-go/tools/leaderelection).
//! - Each write names the version that was read: of two replicas that find a free Lease, one gets it.
//! - A leader whose API server does not answer goes on: nobody else can take the Lease there, and bumps need no API server. The
//!   leader ends when the Lease names another holder.
//!
//! The Lease keeps replicas from doing the same work twice. What must not happen twice does not rest on the Lease: pushes and applies
//! are compare-and-swap, and two leaders for a moment do no harm.
//!
//! Deliberately absent: what a leader does, Kubernetes clients.

mod election;
#[cfg(test)]
mod tests;

pub use election::{Election, Waiting};
