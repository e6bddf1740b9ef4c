//! Objects from folders that are no plain manifests, made by the real programs.
//!
//! [`Kustomize`] writes the files that a kustomization reaches into a private temporary folder, runs `kustomize build` there, and
//! reads what the program prints. [`Sops`] decrypts files with the `sops` program, over its standard input and output. Files of a
//! kustomization that are encrypted are decrypted into a folder in memory.
//!
//! What holds:
//! - The program sees the files of the unit and nothing else of the repository, has an empty environment, and starts no other
//!   program: plugins, functions and helm are off, and there is no `PATH` to find git on. What needs the network fails.
//! - Time, memory and output are bounded. Temporary folders are private, and go when the rendering ends, however it ends.
//! - Plain text is in memory alone, and in no message. Core dumps are off.
//! - Messages name files as the repository does, and show no content of a file that kustomize does not show itself.
//!
//! Deliberately absent: which folders are rendered, of which files, and when (`source` decides); caching.

mod found;
mod kustomize;
mod memory_folder;
mod rendered;
mod sops;
mod sops_keys;
mod words;

pub use found::FindError;
pub use kustomize::Kustomize;
pub use sops::Sops;
