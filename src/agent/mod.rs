//! The composition root: builds the edges, hands them to the loops, spawns them, and sees them to their end.
//!
//! ```text
//!   scan ──changed──▶ automate ──landed──▶ sync ◀──drift── watches
//!                        ▲                  ▲
//!                        └──── follow ──────┘   (the branch moved)
//! ```
//!
//! This is the one room that knows every other. It holds no decision of its own.

mod commands;
mod consent;
mod edges;
mod held;
mod journal;
mod preview;
mod run;
mod schedule;
mod settings;
mod sync_loop;

pub use edges::{deploy_key, has_deploy_key};
pub use held::{Held, HeldObject, Since, holds, holds_of_clone, holds_of_url};
pub use preview::{Preview, preview};
pub use run::run;
pub use settings::Checked;
