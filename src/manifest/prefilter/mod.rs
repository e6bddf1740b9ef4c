//! A check of the bytes of a file before the file is parsed: most files of a repository have no image field.
//!
//! `words` searches for words that image fields need. `fast_scan` and `line` recognise files that also have no finding.
//! The prefilter may let a file through that has no image field. It never holds back a file that has one.

mod fast_scan;
mod line;
mod words;

pub use words::{can_skip_for_images, may_hold_images};
pub(crate) use words::{has_no_images, names_no_workload};
