//! Images of kustomize bases, followed to the file that sets their tag.

mod index;
#[cfg(test)]
mod tests;
mod through;
mod trace;

pub(crate) use index::{Overlay, OverlayIndex};
pub(crate) use through::through_overlays;
