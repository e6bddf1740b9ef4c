//! The composition root: makes the edges, hands them to the loops, spawns the loops, and waits for their end.
//!
//! ```text
//!   scan ──changed──▶ automate ──landed──▶ sync ◀──drift── watches
//!                        ▲                  ▲
//!                        └──── follow ──────┘   (the branch moved)
//! ```
//!
//! This is the one room that knows every other room. It decides nothing.
//!
//! `run` is the running agent: `loops` has the loops and the handles that wake them, `wiring` has what they share, and each
//! loop has a file `wire_<room>` with one `spawn` function and with its section of the status. The loop of the room
//! `automation` is called `automate` in health, metrics and status, the loop of `source` is called `follow`, and the loop of
//! `deploy_key` is called `keys`. To add a loop: a line in `loops`, a file, a call in `run`. To add a sink of events: a line in `wiring`.
//! Neither touches another loop. `holds`, `confirm`, `keys` and `preview` serve the commands that run apart from the agent;
//! `repo_commands` answers the same commands from what the agent has, where they run beside it.

mod commands;
mod confirm;
mod deadlines;
mod declared;
mod doctor;
mod holds;
mod home;
mod keys;
mod loops;
mod memory;
mod preview;
mod proposals;
mod registries;
mod renderers;
mod repo;
mod repo_commands;
mod run;
mod scan_command;
mod server;
mod settings;
#[cfg(test)]
mod simulation;
mod standby;
mod startup;
mod sync_command;
mod waking;
mod why;
mod wire_automation;
mod wire_deploy_key;
mod wire_mirrors;
mod wire_notifications;
mod wire_pull_secrets;
mod wire_releases;
mod wire_scan;
mod wire_source;
mod wire_sync;
mod wiring;

pub use confirm::{Confirmed, confirm, confirm_in_clone};
pub use doctor::{Addition, Diagnosis, Step, diagnose};
pub use holds::{holds, holds_of_clone, holds_of_url, lift, lift_in_clone};
pub use keys::{Rotation, abandon, deploy_keys, has_deploy_key, rotate, signing_key};
pub use preview::{Preview, diff, preview};
pub use run::run;
pub use settings::AgentConfig;
pub use why::{FieldWhy, NotAutomated, ObjectHealthNow, Why, why};
pub use wire_notifications::test_notification;
