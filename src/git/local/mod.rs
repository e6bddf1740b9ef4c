//! Clones on this machine. [`Local`] reads a clone without writing. [`UserClone`] writes a clone as the person who runs the
//! program would, with that person's git program, keys and settings.

mod clone;
mod git_program;
mod user_author;
mod user_clone;

pub use clone::{Local, LocalError, without_password};
pub use user_author::user_author;
pub use user_clone::UserClone;
