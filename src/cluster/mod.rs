//! The Kubernetes API server, as the loops' [`port::Cluster`](crate::port::Cluster): discovery, apply, delete, watches, the
//! target's record, events; and the Secret that keeps the deploy key. Alone knows kube.
//!
//! Invariants: one request for one apply; every request has a deadline; what the watches bring is reduced on arrival to
//! the few bytes that are compared (the wire object, its `managedFields` included, is dropped there); wire types do not
//! leave this room. A watch that fails starts over with a complete reading, and its kind counts as unread until then.
//!
//! Deliberately absent: decisions. What is applied, when, and what may be deleted is said by `sync` and `resource`.

mod apply;
mod connect;
mod discovery;
mod events;
mod failure;
mod record;
mod secrets;
mod watches;

pub use connect::{Access, ApiServer, ConnectError};
pub use secrets::SecretName;
