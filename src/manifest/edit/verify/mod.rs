//! The proof of an edit: both texts are read again with both parsers, and only the planned values may differ.
//!
//! `reread` parses and compares; `scalars` knows what new tags and images may change, `annotation` what a new annotation
//! may change; `difference` compares JSON values.

pub(crate) mod annotation;
mod difference;
pub(crate) mod reread;
pub(crate) mod scalars;
