//! The composition root: builds the edges, hands them to the loops, spawns them, and sees them to their end.
//!
//! ```text
//!   scan ──changed──▶ automate ──landed──▶ sync ◀──drift── watches
//!                        ▲                  ▲
//!                        └──── follow ──────┘   (the branch moved)
//! ```
//!
//! This is the one room that knows every other. It holds no decision of its own.

mod arrival;
mod commands;
mod consent;
mod deadlines;
mod edges;
mod held;
mod journal;
mod key_loop;
mod keys;
mod lift;
mod listed;
mod preview;
mod rights;
mod run;
mod schedule;
mod settings;
mod sync_loop;

pub use edges::has_deploy_key;
pub use held::{Held, HeldObject, Since, holds, holds_of_clone, holds_of_url};
pub use keys::{COMMENT, Rotation, abandon, deploy_keys, rotate, signing_key};
pub use lift::{Lift, Lifted, Meant, ObjectName, lift, lift_in_clone};
pub use preview::{Preview, preview};
pub use run::run;
pub use settings::Checked;
