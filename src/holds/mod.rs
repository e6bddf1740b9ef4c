//! Holds for people: which image fields are held, and the commit that lifts a hold.
//!
//! A hold keeps an image field from a tag that a person took back (room `history` says when). The flow of a command:
//! a [`HoldReader`] reads the branch (world), [`list`] finds what is held (pure), a [`HoldSelector`] chooses (pure),
//! and [`lift`] makes one commit and pushes the commit by compare-and-swap (world). A lost race starts again.
//!
//! Deliberately absent: how a repository is opened and read. The caller hands in a [`HoldReader`], so that the branch of
//! the configuration, a clone and an address all go the same way.

mod error;
mod lift_hold;
mod list;
mod reading;
mod select;
mod show;
#[cfg(test)]
mod tests;

pub use lift_hold::{LiftMode, Lifted, lift};
pub use list::{HoldQuery, list};
pub use reading::{HoldReader, ImageField, Reading};
pub use select::{HoldSelector, ObjectName};
pub use show::HoldList;
