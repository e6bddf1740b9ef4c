//! `tidegate images`: the image fields of files, as a table or as JSON.
//!
//! `files` finds and reads the files, `list` makes rows and findings of them, `command` prints these.

mod command;
mod files;
mod finding;
mod list;
mod overlays;
mod row;

pub(super) use command::Images;
pub(super) use files::{read, read_all};
