//! The sync pass against a real API server: what is sent, what comes of it, and what is left alone.
//!
//! A server of its own has a test that counts requests of the whole server, makes kinds, or stops the server.

mod additions;
mod adoption;
mod applied;
mod defaults;
mod deletions;
mod depends_on;
mod diff;
mod drift;
mod field_audit;
mod health;
mod jobs;
mod namespaced;
mod recreate;
mod replicas;
mod reported;
mod restarts;
mod scene;
mod two_targets;
