//! Edits of a file by byte range: new tags, new images and annotations.
//!
//! An edit is planned as replacements (`set`, `rewrite`, `annotate`), made on a copy of the bytes, and proved by reading
//! the result again (`verify`). No edit prints YAML anew.

pub(crate) mod annotate;
pub(crate) mod rewrite;
pub(crate) mod set;
pub(crate) mod verify;
