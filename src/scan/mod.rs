//! Scans the repositories that automated image fields name, and only those, each on its registry's schedule.
//!
//! What is wanted and what was found stands on the [`Board`] between this loop and the automation loop, which is woken
//! when a listing changed. A listing replaces the one before only when it is complete; a failed scan leaves the last
//! good listing for people to see but not for decisions.
//!
//! Deliberately absent: choosing a tag, AWS.

mod board;
mod rules;
mod scanner;
mod system;

pub use board::{Board, Scan};
pub use rules::{Rule, Rules, fits};
pub use scanner::{RepositoryScan, ScanReport, Scanner};
