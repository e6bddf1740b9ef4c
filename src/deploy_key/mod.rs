//! The deploy key: where it is kept, what it may do at the git server, and its rotation without a gap.
//!
//! ```text
//!   KeyStore (file or Secret) ──keys──▶ RotationLoop ──use_keys──▶ config repo
//!                                        │   │  └ AccessCheck: may it fetch and push?
//!                                        │   └─── SignerCheck: do its signatures count?
//!                                        └ next key works? ──promote──▶ KeyStore
//! ```
//!
//! A rotation has two steps, and each step is one compare-and-swap of the Secret (`entries`): the next key is added to
//! the Secret; the next key takes over as soon as the server lets it do what the key in use is for. Whoever makes a step, the
//! running agent or `tidegate identity --rotate`, finds the other's step done.
//!
//! An HTTPS address has a login instead of a key. Its files are read for each request, so that only its rights are looked
//! after ([`LoginLoop`]).
//!
//! Deliberately absent: keys' formats, SSH and Kubernetes. They come through `port`.

mod access_check;
mod entries;
mod error;
mod login_loop;
mod readiness;
mod report;
mod rotate;
mod rotation_loop;
mod signer_check;
mod store;
#[cfg(test)]
mod tests;

pub use access_check::{AccessCheck, CredentialPage};
pub use entries::{COMMENT, Keys};
pub use login_loop::LoginLoop;
pub use readiness::Readiness;
pub use report::KeyReport;
pub use rotate::{Rotation, abandon, rotate};
pub use rotation_loop::{RotationLoop, wake_when_rejected};
pub use signer_check::{SignerCheck, SigningKey};
pub use store::{KeyLocation, KeyStore};
