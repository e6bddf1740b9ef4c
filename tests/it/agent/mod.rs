//! The whole agent: the built program on real parts, with no fake but ECR.

mod bounded;
mod chain;
mod commits;
mod deletions;
mod digest;
mod flux_v2;
mod following;
mod groups;
mod hung_disk;
mod idle;
mod kill;
mod kms;
pub(crate) mod kustomize;
mod overlays;
mod platforms;
mod race;
mod revert;
mod rollouts;
mod running;
mod scope;
mod signals;
mod sops;
mod substitute;
mod targets;
mod wait;
mod why;
pub(crate) mod world;
