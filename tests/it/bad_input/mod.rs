//! Bad input: each is told once, in one message that names the place and the remedy, while everything else goes on.
//!
//! Every test runs the built program and reads what its user would: the log, the answers of its commands, `/readyz`.

mod away;
mod commands;
mod configuration;
mod manifests;
mod registry;
mod repository;
mod scene;
