//! The stack does what it promises to the tests that stand on it.

#[path = "stack/control_plane.rs"]
mod control_plane;
#[path = "stack/git.rs"]
mod git;
#[path = "stack/gitea.rs"]
mod gitea;
#[path = "stack/process.rs"]
mod process;
#[path = "stack/relay.rs"]
mod relay;
