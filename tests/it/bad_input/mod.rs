//! Bad input: the agent reports each problem once, in one message with location and remedy, and continues with the rest.
//!
//! Every test runs the built program and reads what its user would: the log, the answers of its commands, `/readyz`.

mod away;
mod commands;
mod configuration;
mod exhaustion;
mod manifests;
mod registry;
mod repository;
mod rights;
mod scene;
