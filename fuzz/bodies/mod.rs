//! What each fuzz target does with an input; a panic is a finding.
//!
//! The fuzzer calls these under `make fuzz`, and `tests/it/fuzz_corpus.rs` on every kept input. Inputs are text wherever
//! possible, so that a corpus file can be read, and written by hand.

mod annotations;
mod config;
mod document;
mod editor;
mod git_wire;
mod images;
mod policy;
mod reference;
mod registry;
mod shown;
mod trailers;
mod trust;
mod watch;
mod webhook;

pub use annotations::annotations;
pub use config::config;
pub use document::document;
pub use editor::editor;
pub use git_wire::{advertisement, packet_lines, push_report};
pub use images::{images, kustomization};
pub use policy::{image_policy, policy};
pub use reference::reference;
pub use registry::image_index;
pub use trailers::trailers;
pub use trust::{allowed_signers, known_hosts};
pub use watch::watch_event;
pub use webhook::webhook;

/// A name and what is done with an input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target, as its corpus folder is named.
pub const TARGETS: [Target; 18] = [
    ("reference", reference),
    ("policy", policy),
    ("image-policy", image_policy),
    ("document", document),
    ("editor", editor),
    ("images", images),
    ("kustomization", kustomization),
    ("annotations", annotations),
    ("trailers", trailers),
    ("packet-lines", packet_lines),
    ("advertisement", advertisement),
    ("push-report", push_report),
    ("known-hosts", known_hosts),
    ("allowed-signers", allowed_signers),
    ("image-index", image_index),
    ("webhook", webhook),
    ("watch-event", watch_event),
    ("config", config),
];
