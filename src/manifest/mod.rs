//! Files of the config repo: bytes to objects and image fields with byte spans, and byte-range edits back.

mod document;

pub use document::{
    Document, Drift, Holds, Ignore, ImageField, Intent, Lock, PolicyText, Reading, Refused, Slot, Style,
};
