//! Reads a file: objects, image fields, annotations, kustomizations and patches.
//!
//! Flow: `open` (parse, markers) -> `documents` (object, list, kustomization or values?) -> `object` and `values` ->
//! findings and objects in a `file`. Image fields come from `pod`, `helm` with `helm_alias`, and `kustomize` with
//! `patches` and `not_evaluated`. `annotations` reads what the user asks for.
//! `kustomize_files` reads which files a kustomization needs, for whoever renders its folder.
//!
//! A problem never stops the reading of other objects. An object that cannot be read leaves a finding of severity
//! `Error`, so that nobody concludes its absence.

pub(crate) mod annotation_key;
pub(crate) mod annotations;
pub(crate) mod automation_of;
mod documents;
pub(crate) mod file;
pub(crate) mod flux_config;
pub(crate) mod head;
pub(crate) mod helm;
pub(crate) mod helm_alias;
pub(crate) mod identity;
pub(crate) mod image_site;
pub(crate) mod images;
pub(crate) mod kustomize;
pub(crate) mod kustomize_files;
mod not_evaluated;
mod object;
pub(crate) mod open;
pub(crate) mod patches;
pub(crate) mod pod;
pub(crate) mod reader;
mod values;
