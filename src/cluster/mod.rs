//! The edge to Kubernetes API servers: implements the traits of [`port`](crate::port) with kube, which no other room
//! imports.
//!
//! A [`Connection`] is a client of one server. On it stand [`ApiServer`] (applies, deletes and watches a target's objects),
//! [`RecordMap`] (a target's record), [`PullSecrets`], [`Sources`] and [`Copies`] (what is mirrored), [`SecretStore`] (the Secrets at home) and [`RecordEvents`]. A remote target's server
//! has a connection of its own ([`RemoteAccess`]), whose address and credentials are read at its first request and again from time
//! to time.
//!
//! Invariants:
//!
//! - One apply is one request, and a few more where the server refuses the object because of a default that it once set.
//!   Every request has a deadline.
//! - What a watch delivers is reduced on arrival to the few bytes that are compared. The wire object, with its
//!   `managedFields`, is dropped there. Wire types do not leave this room.
//! - A watch that fails starts over with a complete list. Its kind counts as not synced until then.
//!
//! Deliberately absent: decisions. `sync` and `resource` decide what is applied, when, and what may be deleted.

mod announced;
mod api_server;
mod apply;
mod away_groups;
mod compare;
mod config_map;
mod connect;
mod connection;
mod delete;
mod discovery;
mod events;
mod failure;
mod inputs;
mod leader_mark;
mod lease;
mod look;
mod marks;
mod mirrors;
mod own_fields;
mod ownership;
mod pods;
mod pull_secrets;
mod record;
mod releases;
mod remote_target;
mod resource_path;
mod secrets;
mod server_text;
mod watches;

pub use announced::AnnouncedMap;
pub use api_server::ApiServer;
pub use connect::{Access, ConnectError, ServiceAccount};
pub use connection::Connection;
pub use events::RecordEvents;
pub use inputs::InputStore;
pub use leader_mark::LeaderMark;
pub use lease::LeaseStore;
pub use mirrors::{Copies, Sources};
pub use pull_secrets::PullSecrets;
pub use record::RecordMap;
pub use releases::HelmReleases;
pub use remote_target::RemoteAccess;
pub use secrets::SecretStore;
pub use watches::{Reduced, reduce_metadata, reduce_object};
