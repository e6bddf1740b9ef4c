//! The settings alone, for `config`.

#[path = "../../src/forge/settings.rs"]
mod settings;

pub use settings::{ForgeKind, PullRequestSettings};
