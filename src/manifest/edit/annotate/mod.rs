//! Sets and removes annotations in the style of the file.
//!
//! Flow: `annotations` opens the file; `change` decides what to do; `insert` and `remove` make the replacements; `mapping`
//! and `editor` read the file's events and lines. `verify::annotation` proves the result.

mod annotations;
mod change;
mod editor;
mod insert;
mod mapping;
mod remove;

pub use annotations::annotate;
