//! The composition root: builds the edges, hands them to the loops, spawns them, and sees them to their end.
//!
//! ```text
//!   scan ──changed──▶ automate ──landed──▶ sync ◀──drift── watches
//!                        ▲                  ▲
//!                        └──── follow ──────┘   (the branch moved)
//! ```
//!
//! This is the one room that knows every other. It holds no decision of its own.

mod access_check;
mod commands;
mod deadlines;
mod holds;
mod key_loop;
mod keys;
mod landed_commits;
mod preview;
mod run;
mod schedule;
mod settings;
mod signer_check;
mod startup_check;
mod wiring;

pub use holds::{holds, holds_of_clone, holds_of_url, lift, lift_in_clone};
pub use keys::{COMMENT, Rotation, abandon, deploy_keys, rotate, signing_key};
pub use preview::{Preview, preview};
pub use run::run;
pub use settings::AgentConfig;
pub use wiring::has_deploy_key;
