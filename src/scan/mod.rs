//! The scan loop: reads the tags of the repositories that automated image fields name, each on its registry's schedule.
//!
//! The automation loop sets the repositories in [`ScanState`](crate::port::ScanState). This loop records the listings
//! there, and wakes the automation loop when a listing changed. Only a complete listing replaces the one before. A failed
//! scan replaces the listing by the failure, so that no decision rests on an old listing. A pass costs what is due: it looks at no
//! other repository, and a listing that did not change is the one before.
//!
//! The loop also reads the platforms of each image that is about to be taken. [`Windows`] request scans at the times of cron
//! expressions.
//!
//! Deliberately absent: the choice of a tag, and any knowledge of a kind of registry. `registry` knows how a registry is
//! read, `policy` knows what may be scanned.

mod read_platforms;
mod scanner;
mod timetable;
mod windows;

pub use read_platforms::read_platforms;
pub use scanner::{ScanReport, Scanner};
pub use windows::Windows;
