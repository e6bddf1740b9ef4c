//! Files of the config repo: bytes to objects and image fields with byte spans, and byte-range edits back.
//!
//! Flow of a reading: bytes are checked ([`MAX_FILE_BYTES`], UTF-8, control characters), parsed to events (`events`)
//! within bounds, built to trees in which every scalar knows its bytes (`tree`, `place`), and read twice: as the JSON
//! value that kubectl would send (`value`), and for image fields (`images`, `helm`) and annotations (`annotations`).
//! Kustomizations (`kustomize`) and values files give image fields, too, but are no objects. A comment on the line of an
//! image or a tag asks for bumps wherever it stands (`markers`): `# tidegate.dev/image: <policy>`,
//! `# tidegate.dev/tag of <repository>: <policy>`, or Flux v2's `# {"$imagepolicy": "<namespace>:<name>"}`.
//!
//! Where a file is wanted for its images only, its bytes are scanned first (`glance`): a file without a word that images
//! are found by is not parsed. Nothing that a reading would find is missed, which the fuzzer and a property hold it to.
//!
//! Flow of an edit: the wanted tags and images become texts of scalars (`rewrite`) and replacements of byte ranges
//! (`edit`), wanted annotations become lines or entries (`annotate`), and the edited text must then prove itself
//! (`verify`): in both parsers its events are those of the old text but for the planned ones, and its values are the old
//! ones but for the planned fields.
//!
//! Invariants: no byte outside a planned scalar changes; no edits give the same bytes; an object that could not be
//! read leaves a finding of severity `Error`, so that its absence is never taken for its removal; nothing is built from
//! a file before its depth, its size and the size of its aliases are known to be within bounds.
//!
//! Absent on purpose: printing YAML (text is only ever edited), judging policies (the policy room does), decrypting,
//! rendering kustomizations, and reading Helm templates.

mod document;
mod edit;
mod markers;
mod prefilter;
mod read;
#[cfg(test)]
mod tests;
mod yaml;

pub use document::{
    AutomationIntent, Document, Holds, ImageChange, ImageField, Lock, Marker, MarkerPolicy, PolicyText, Reading,
    Refused, Slot, Style, TagChange,
};
pub use edit::annotate::annotate;
pub use edit::set::{image_fields, set_images, set_tags};
pub use prefilter::{is_beside_images, may_hold_images};
pub use read::kustomize::{Kustomization, Replacement};
pub use read::patches::{ImagePatch, Patch, Target};
pub use read::read;
pub use yaml::limits::MAX_FILE_BYTES;
