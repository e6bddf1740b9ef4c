//! Files of the config repo: bytes to objects and image fields with byte spans, and byte-range edits back.
//!
//! How a file is read: `yaml` checks the bytes (at most 4 MiB, UTF-8, control characters) and parses them within
//! limits to trees in which every scalar knows its bytes. `read` reads each tree twice: as the JSON value that kubectl
//! would send, and for image fields and annotations. Kustomizations and values files have image fields, too, but are not
//! objects. A comment on the line of an image or a tag asks for bumps in any file (`markers`):
//! `# tidegate.dev/image: <policy>`, `# tidegate.dev/tag of <repository>: <policy>`, or Flux v2's
//! `# {"$imagepolicy": "<namespace>:<name>"}`.
//!
//! If a caller only wants the images of a file, `prefilter` scans the bytes first: a file without a word that image fields
//! need is not parsed. The prefilter misses nothing that a reading would find; the fuzzer and a property test check that.
//!
//! How a file is edited (`edit`): new tags and images become texts of scalars, new annotations become lines or entries,
//! and both become replacements of byte ranges. The edited text must then prove itself: in both parsers its events are
//! those of the old text except for the planned ones, and its values are the old values except for the planned fields.
//!
//! Invariants:
//!
//! - No byte outside a planned scalar changes. An edit without changes returns the same bytes.
//! - An object that cannot be read leaves a finding of severity `Error`, so that nobody takes it for removed.
//! - Nothing is built from a file before its depth, its size and the size of its expanded aliases are known to be within
//!   the limits.
//!
//! `${VAR}` is replaced in objects on request (`substitute`), with Flux v2's rules.
//!
//! Absent on purpose: printing YAML into files (they are only ever edited), choosing tags (`policy` does), decrypting, rendering
//! kustomizations, and reading Helm templates.

mod automation_intent;
mod document;
mod edit;
mod image_field;
mod kustomization;
mod markers;
mod prefilter;
mod read;
mod substitute;
#[cfg(test)]
mod tests;
mod yaml;

pub use automation_intent::{AutomationIntent, GroupTexts, Lock, PolicyText, PolicyTexts};
pub use document::{Document, Reading};
pub use edit::annotate::annotate;
pub use edit::change::{ImageChange, Refused, TagChange};
pub(crate) use edit::set::image_fields;
pub use edit::set::{set_images, set_tags};
pub use image_field::{ImageField, MarkedName, Marker, MarkerPolicy, Slot, SlotContent};
pub use kustomization::{
    AddedMetadata, Generated, ImageOverride, Kustomization, NotEvaluated, Operation, Patch, PatchBody, Target,
};
pub use prefilter::{can_skip_for_images, may_hold_images};
pub(crate) use prefilter::{has_no_images, names_no_workload};
pub(crate) use read::automation_of::automation_of;
pub(crate) use read::flux_config::{FluxConfig, read_flux_config};
pub(crate) use read::kustomize_files::{
    KustomizationFiles, Reference, ReferenceKind, read_kustomization_files, read_plugin_files,
};
pub use read::open::read;
pub(crate) use read::pod::volume_field;
pub use substitute::{InvalidVariable, NotSubstituted, Variables, may_change, substitute};
pub use yaml::events::Style;
pub(crate) use yaml::limits::MAX_FILE_BYTES;
