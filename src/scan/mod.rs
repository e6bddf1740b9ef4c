//! Scans the repositories that automated image fields name, and only those, each on its registry's schedule.
//!
//! What is wanted and what was found stands on the [`Board`] between this loop and the automation loop, which is woken
//! when a listing changed. A listing replaces the one before only when it is complete; a failed scan leaves the last
//! good listing for people to see but not for decisions.
//!
//! What an image that is about to be taken is built for is read here, too, when the automation puts it on the board.
//!
//! Deliberately absent: choosing a tag, AWS.

mod board;
mod inspect;
mod rules;
mod scanner;
mod system;

pub use board::{Board, ImageKey, Scan, Told};
pub use inspect::inspect;
pub use rules::{Rule, Rules, fits};
pub use scanner::{RepositoryScan, ScanReport, Scanner};
