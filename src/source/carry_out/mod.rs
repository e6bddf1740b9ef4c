//! Kustomizations of Flux v2 that are carried out as Flux does: their folders are rendered with what they add, and they
//! themselves are not applied.
//!
//! Flow: `find` the Kustomizations among the objects of `repo.paths` (and among what they render in turn), read each (`spec`),
//! put what it adds on top of its folder (`generate`), render the folder by the real kustomize, replace variables, and note what it
//! asks for its objects (`finish`). `order` makes objects wait for those of other Kustomizations.
//!
//! Invariants: what a Kustomization asks for and nobody honours is a finding with the file that declares the Kustomization. A
//! Kustomization that is not carried out leaves the target incomplete, so that nothing is deleted because of it.

mod carry;
mod find;
mod finish;
mod folder;
mod generate;
mod order;
mod spec;
mod unhonoured;

pub(super) use carry::{CarriedOut, CarryOut, Scene};
pub(super) use generate::{Additions, generate};
pub(super) use spec::{is_kustomization, is_of_flux_itself, is_source};
