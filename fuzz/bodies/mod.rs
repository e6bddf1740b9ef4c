//! What each fuzz target does with an input; a panic is a finding.
//!
//! The fuzzer calls these under `make fuzz`, and `tests/it/fuzz_corpus.rs` on every kept input. Inputs are text wherever
//! possible, so that a corpus file can be read, and written by hand.

mod annotations;
mod document;
mod editor;
mod images;
mod policy;
mod reference;
mod trailers;

pub use annotations::annotations;
pub use document::document;
pub use editor::editor;
pub use images::{images, kustomization};
pub use policy::{image_policy, policy};
pub use reference::reference;
pub use trailers::trailers;

/// A name and what is done with an input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target, as its corpus folder is named.
pub const TARGETS: [Target; 9] = [
    ("reference", reference),
    ("policy", policy),
    ("image-policy", image_policy),
    ("document", document),
    ("editor", editor),
    ("images", images),
    ("kustomization", kustomization),
    ("annotations", annotations),
    ("trailers", trailers),
];
