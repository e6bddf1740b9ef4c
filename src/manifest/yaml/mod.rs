//! YAML text to events, trees and JSON values, within limits. Every scalar keeps the bytes it was read from.
//!
//! Flow: bytes -> `limits` (size, UTF-8, control characters) -> `parse` (events) -> `tree` (nodes with aliases) ->
//! `cursor` (a node and its path) -> `json` and `value` (what kubectl would send).
//!
//! Two parsers read the same text: `rust2` (yaml-rust2) and `granit` (granit-parser). The editor accepts an edit only if
//! both agree on it.
//!
//! This folder knows nothing of Kubernetes objects, images or annotations.

pub(crate) mod cursor;
pub(crate) mod events;
pub(crate) mod granit;
pub(crate) mod json;
pub(crate) mod limits;
pub(crate) mod line_table;
pub(crate) mod parse;
pub(crate) mod path;
pub(crate) mod retyped;
pub(crate) mod rust2;
pub(crate) mod tree;
pub(crate) mod value;
