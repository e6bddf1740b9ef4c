//! YAML text to events, trees and JSON values, within limits. Every scalar keeps the bytes it was read from.
//!
//! Two parsers read the same text: `yaml-rust2` and `granit-parser`. The editor trusts an edit only if both agree.
//! This folder knows nothing of Kubernetes objects, images or annotations.

pub(crate) mod cursor;
pub(crate) mod events;
pub(crate) mod limits;
pub(crate) mod line_table;
pub(crate) mod tree;
pub(crate) mod value;
