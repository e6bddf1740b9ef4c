//! Edits of a file by byte range: new tags, new images and annotations.
//!
//! Flow: `find` (object and field) -> `rewrite` (new texts of scalars) or `annotate` (lines and entries) -> replacements
//! -> `verify` (proof by reading the result again). Text is only ever edited; nothing prints YAML.

pub(crate) mod annotate;
pub(crate) mod change;
pub(crate) mod find;
pub(crate) mod rewrite;
pub(crate) mod set;
pub(crate) mod verify;
