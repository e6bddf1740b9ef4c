//! What the config repo declares at a commit: files read, objects and image fields found, once for all loops.
//!
//! Flow: the commit's files with their blob ids -> readings, from the cache where the same bytes were read before at the
//! same path -> [`DeclaredState`](crate::port::DeclaredState). A one-line commit parses one file and looks at no other. Chart folders are passed over with
//! a notice; a reading that is not whole says so, and then nothing may be concluded from what is absent. What is applied
//! has to be parsed; what is read for its images only (chart values, kustomize folders) is parsed where a scan of its
//! bytes finds a word of them, or anything to find fault with.
//!
//! Deliberately absent: deciding anything about what was read.

mod declared;
mod folders;
mod patch;
mod read;
mod reading;

pub use folders::{images_only, manifests};
pub use read::Catalog;
pub use reading::{FileReading, MAX_FILE_BYTES};
