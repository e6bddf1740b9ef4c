//! What a registry answers.

#[path = "../../src/registry/image_index.rs"]
mod image_index;
#[path = "../../src/registry/read_limits.rs"]
mod read_limits;

pub use image_index::list_platforms;
pub use read_limits::ReadLimits;
