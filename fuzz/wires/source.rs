//! The settings for `config`.

#[path = "../../src/source/substitute.rs"]
mod substitute;

pub use substitute::{Substitute, SubstituteFrom};
