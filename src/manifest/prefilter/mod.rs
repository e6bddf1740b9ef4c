//! A look at a file's bytes before it is parsed: most files of a repository hold no image.
//!
//! The prefilter may let a file through that holds no image. It never holds back a file that does.

mod fast_scan;
mod line;
mod words;

pub use words::{is_beside_images, may_hold_images};
